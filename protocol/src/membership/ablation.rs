//! The rules of the fold by name, so that tests can take away one at a time and show that some other test notices.
//!
//! Outside this crate's own tests nothing can be taken away: the question is the constant `true`. The table of rules
//! and of the tests that notice is made by a test (`tests/ablations.rs`) and stands in `docs/membership-rules.md`.
//! One sentence of MB-V7 is missing because nothing could miss it: a Join on a path is always a contestant, shows a
//! form, or is named by the Confirm, Leave or Remove that is cited.

macro_rules! rules {
    ($($name:ident $id:literal $says:literal)*) => {
        /// One rule of the fold, of the citable heads or of the pool.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum FoldRule {
            $(#[doc = $says] $name,)*
        }

        #[cfg(test)]
        impl FoldRule {
            /// Each of them.
            pub(super) const ALL: &[Self] = &[$(Self::$name),*];

            /// The rule of the specification that it is part of.
            pub(super) const fn id(self) -> &'static str {
                match self { $(Self::$name => $id),* }
            }

            /// What it says.
            pub(super) const fn says(self) -> &'static str {
                match self { $(Self::$name => $says),* }
            }
        }
    };
}

rules! {
    OfficesExist "MB-F1" "an office exists only if its Promote is honoured"
    PinsBind "MB-F1" "of a pinned office only what is at or before the pin counts"
    PinsEndOffices "MB-F1" "a pinned office stands no more"
    PinsMeet "MB-F2" "several pins count as the last operation before them all"
    OnlySeniorsReach "MB-F1" "a Remove or Demote bears only on strictly junior offices"
    PromotedAgain "MB-F1" "a Promote by the same office after its Demote stands"
    NoRecreation "MB-F1" "a junior cannot promote again whom a senior demoted"
    SeenOffices "MB-F1" "an office given by a senior of the author ends only if the author knew of it"
    LeavesEndOffices "MB-F1" "who leaves holds no office any more"
    LeavesObeyPins "MB-F4" "a Leave beyond a pin ends no office"
    LeavesCount "MB-F4" "giving up one's own seat always counts"
    DeposesCount "MB-Z3" "who brings in the word of enough recovery keys stands above all others"
    DeposedArePinned "MB-Z3" "of an office whose place was taken only what is at or before the pin counts"
    LeastCertificate "MB-Z4" "of two successors of one office the one with the least certificate counts"
    SuccessorsReach "MB-Z5" "a successor may remove and demote whose place he took"
    Shield "MB-F3" "nobody is removed past an office that the Remove doesn't bear on"
    CitedDemotion "MB-F3" "a former admin goes if the Remove cites the Demote"
    CitationOfSeniors "MB-F3" "an office junior to the author must be cited itself, not its Demote"
    Bans "MB-F5" "a ban holds for every other membership of the key"
    BansAreShielded "MB-F5" "a ban ends nobody who is shielded from it"
    BansAreLifted "MB-F5" "a ticket may lift a ban"
    JuniorsLiftNothing "MB-F5" "a junior of who banned lifts nothing"
    HonouredClaims "MB-S1" "claims that are not honoured count for nothing"
    Provenance "MB-S2" "who acts on a freed seat acknowledges how it became free"
    FormsOfVoidBumps "MB-S2" "a void Bump still shows the form of an output"
    LeastWitness "MB-S2" "of several void Bumps the one with the smallest id shows the form"
    CustodianFirst "MB-S3" "the custodian's claim comes before a senior's"
    SeniorsClaim "MB-S3" "a senior's claim counts where the custodian is silent"
    SeniorsTransferNothing "MB-S3" "only the custodian transfers"
    CustodiansReclaimNothing "MB-S3" "a custodian's own Reclaim is no claim"
    TransfersToOffices "MB-S3" "a Transfer to an office that never existed is no claim"
    SeqOrder "MB-S3" "of one office's claims the earliest counts"
    RankOrder "MB-S3" "of several seniors the most senior counts"
    HeirsInherit "MB-S4" "a named heir may reclaim"
    HeirsAreNamed "MB-S4" "who is not named in the Leave inherits nothing"
    LeavesOfCustodians "MB-S4" "a Leave gives away only what its author had in custody"
    HeirsOfHeirs "MB-S4" "heirs of heirs inherit"
    HeirsExist "MB-S4" "an heir whose office never existed passes nothing on"
    TicketsOfCustodians "MB-S3" "a ticket of another office than the custodian seats nobody"
    TicketsNeedStanding "MB-S3" "tickets of an office that stands no more seat nobody"
    LeastTie "MB-S3" "of several bare Joins the least tie counts"
    BannedAreSkipped "MB-S5" "a banned person's bare Join is skipped"
    GoneFreesTheSeat "MB-F6" "who is gone frees the seat"
    ContestOfTwo "MB-V10" "two who stay on one output contest it"
    ContestOfThree "MB-V10" "the third Join makes the output wait for good"
    ContestantsAreCited "MB-V10" "the three least contestants are citable"
    RemovedArePresent "R-31" "who was removed counts as present in a contest"
    BannedContest "R-31" "banned Joins count in a contest"
    ContestsWait "MB-V10" "nobody on a contested output is Keyed"
    TicketsAsk "MB-V1" "a ticket may ask for a confirmation"
    PolicyAsks "MB-V1" "the group may ask for confirmations"
    TaintedLinks "R-32" "by a link whose user was removed nobody is Keyed without a word"
    WornLinks "R-36" "by a link that two came by and went nobody is Keyed without a word"
    OneSeatPerKey "MB-V4" "of one key on two seats the higher is a duplicate"
    DeposesAreCited "MB-V7" "Deposes that count are citable"
    VoidIsNotCited "MB-V7" "void operations are not citable"
    LeavesAreCited "MB-V7" "Leaves of people on a path or with an office are citable"
    FormsAreCited "MB-V7" "what shows a form that a counting claim rests on is citable"
    LatestWord "MB-Y2" "of an office's words on a setting the latest counts"
    WordsAreWithdrawn "MB-Y2" "null withdraws an office's word on a setting"
    StandingWordsFirst "MB-Y2" "standing offices' words come before those of ended ones"
    SeniorWordsFirst "MB-Y2" "a senior's word on a setting comes before a junior's"
    OfficesFoldAnew "MB-N3" "an operation that moves offices folds everything anew"
    TouchedSeatsWalkAnew "MB-N3" "a claim walks its seats again"
    InertStaysOutside "R-33" "what nothing citable rests on stays outside the document"
    PoolIsBounded "R-33" "the pool drops the oldest"
    HonouredBringsIn "R-33" "an honoured office operation brings in what it rests on"
    BranchesAreHeld "MB-L3" "the fifth Leave of a chain is held"
    RepeatedDeposesAreHeld "MB-L3" "the fifth Depose by one certificate is held"
    CrowdsAreHeld "MB-L4" "beyond 64 Joins of one office on an output further ones are held"
    FullLogsHoldJoins "MB-L7" "in a full log Joins are held"
    EndingsAreBelieved "R-34" "who was removed while away believes the organisers of its own log"
    EntriesRelease "R-35" "an entry of an anchored author sets free what it rests on"
}

/// Whether a rule is in force: always, but for a test that took it away on its own thread.
#[cfg(not(test))]
pub(super) const fn holds(_rule: FoldRule) -> bool {
    true
}

#[cfg(test)]
std::thread_local! {
    static TAKEN: core::cell::Cell<u128> = const { core::cell::Cell::new(0) };
}

/// Whether a rule is in force: always, but for a test that took it away on its own thread.
#[cfg(test)]
pub(super) fn holds(rule: FoldRule) -> bool {
    TAKEN.get() & (1_u128 << rule as u32) == 0
}

/// Does something on this thread without a rule. Several may be taken away, one inside the other.
#[cfg(test)]
pub(super) fn without<T>(rule: FoldRule, does: impl FnOnce() -> T) -> T {
    struct Back(u128);
    impl Drop for Back {
        fn drop(&mut self) {
            TAKEN.set(self.0);
        }
    }
    let _back = Back(TAKEN.replace(TAKEN.get() | 1_u128 << rule as u32));
    does()
}
