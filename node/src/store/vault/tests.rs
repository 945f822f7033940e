//! The vault file: what opens it, what doesn't, and its bytes, frozen.

use super::*;
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;

fn rng(seed: u8) -> ChaCha20Rng {
    ChaCha20Rng::from_seed([seed; 32])
}

fn passphrase(text: &str) -> SlotKey {
    SlotKey::Passphrase(Zeroizing::new(text.into()), Cost::FLOOR)
}

fn key_file(byte: u8) -> SlotKey {
    SlotKey::KeyFile(Secret::new([byte; 32]))
}

fn made(key: &SlotKey) -> (Vault, Vec<u8>) {
    let mut vault = Vault::create(Secret::new([7; 32]), key, [9; 32], 1_700_000_000_000, &mut rng(1));
    let bytes = vault.seal(&mut rng(2));
    (vault, bytes)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn st_60_what_was_put_in_comes_out() {
    let (before, bytes) = made(&passphrase("correct horse"));
    let after = Vault::open(&bytes, &passphrase("correct horse")).unwrap();
    assert_eq!(after.body.identity.expose(), &[7; 32]);
    assert_eq!((after.body.instance, after.body.place), (before.body.instance, [9; 32]));
    assert_eq!((after.body.created_ms, after.generation, after.id), (1_700_000_000_000, 1, before.id));
    assert_eq!(after.body.archive[0].key.expose(), before.body.archive[0].key.expose());
    assert_eq!(Vault::key_needed(&bytes), Ok(KeyNeeded::Passphrase));
    assert_eq!(Vault::key_needed(&made(&key_file(3)).1), Ok(KeyNeeded::KeyFile));
}

#[test]
fn st_62_a_wrong_passphrase_and_a_damaged_slot_look_alike() {
    let (_, bytes) = made(&passphrase("correct horse"));
    assert_eq!(Vault::open(&bytes, &passphrase("correct house")).err(), Some(VaultError::WrongKey));
    assert_eq!(Vault::open(&bytes, &key_file(3)).err(), Some(VaultError::WrongKey));
    let mut damaged = bytes;
    damaged[HEADER_BYTES + slot::SLOT_HEAD_BYTES + NONCE_BYTES + 5] ^= 1;
    assert_eq!(Vault::open(&damaged, &passphrase("correct horse")).err(), Some(VaultError::WrongKey));
}

#[test]
fn st_61_a_passphrase_is_the_same_however_its_letters_are_composed() {
    let (_, bytes) = made(&passphrase("gr\u{fc}n"));
    assert!(Vault::open(&bytes, &passphrase("gru\u{308}n")).is_ok());
    assert!(Vault::open(&bytes, &passphrase("grun")).is_err());
}

#[test]
fn st_62_costs_below_the_floor_or_above_the_ceiling_are_refused_before_any_work() {
    let (_, bytes) = made(&passphrase("x"));
    for (at, value) in [(4, 19 * 1_024 - 1_u32), (4, (1 << 20) + 1), (8, 1), (8, 17), (12, 0), (12, 17)] {
        let mut edited = bytes.clone();
        edited[HEADER_BYTES + at..HEADER_BYTES + at + 4].copy_from_slice(&value.to_be_bytes());
        assert_eq!(Vault::open(&edited, &passphrase("x")).err(), Some(VaultError::Damaged), "{at} {value}");
    }
    // Within the bounds, an edit is still noticed: the slot binds its parameters.
    let mut edited = bytes;
    edited[HEADER_BYTES + 8..HEADER_BYTES + 12].copy_from_slice(&3_u32.to_be_bytes());
    assert_eq!(Vault::open(&edited, &passphrase("x")).err(), Some(VaultError::WrongKey));
}

#[test]
fn st_60_every_truncation_bit_flip_and_trailing_byte_is_refused() {
    let (_, bytes) = made(&key_file(3));
    for end in 0..bytes.len() {
        assert!(Vault::open(&bytes[..end], &key_file(3)).is_err(), "cut at {end}");
    }
    for bit in 0..bytes.len() * 8 {
        let mut flipped = bytes.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(Vault::open(&flipped, &key_file(3)).is_err(), "bit {bit}");
    }
    assert!(Vault::open(&[&bytes[..], &[0]].concat(), &key_file(3)).is_err());
    let mut newer = bytes;
    newer[9] = 2;
    assert_eq!(Vault::open(&newer, &key_file(3)).err(), Some(VaultError::Newer));
}

#[test]
fn st_61_a_changed_passphrase_leaves_the_keys_and_locks_the_old_one_out() {
    let (mut vault, _) = made(&passphrase("old"));
    vault.set_key(&passphrase("new"), &mut rng(5));
    let bytes = vault.seal(&mut rng(6));
    assert!(Vault::open(&bytes, &passphrase("old")).is_err());
    let after = Vault::open(&bytes, &passphrase("new")).unwrap();
    assert_eq!(after.body.rotating[0].key.expose(), vault.body.rotating[0].key.expose());
}

#[test]
fn st_66_a_vault_holds_at_most_two_rotating_keys_and_then_the_newest() {
    let (mut vault, _) = made(&key_file(3));
    let second = vault.add_rotating_key(&mut rng(5)).unwrap();
    let again = vault.add_rotating_key(&mut rng(6)).unwrap();
    assert_eq!((second.generation, again.generation), (2, 2));
    assert!(second.key.same_as(&again.key));
    let bytes = vault.seal(&mut rng(7));
    let mut read = Vault::open(&bytes, &key_file(3)).unwrap();
    assert_eq!(read.body.rotating.len(), 2);
    read.drop_old_rotating_keys();
    assert_eq!(read.store_keys().rotating.iter().map(|key| key.generation).collect::<Vec<_>>(), [2]);
}

#[test]
fn st_101_the_place_depends_on_machine_inode_and_birth() {
    let here = place(Some("0123"), (5, None));
    assert_ne!(here, place(Some("0123"), (6, None)));
    assert_ne!(here, place(Some("0124"), (5, None)));
    // SHA-256("coterie/place/1" ‖ 32 zero bytes ‖ be64(5)), computed elsewhere.
    assert_eq!(hex(&place(None, (5, None))), GOLDEN_PLACE);
    // SHA-256("coterie/place/2" ‖ 32 zero bytes ‖ be64(5) ‖ be128(7 000 000 009)), computed elsewhere.
    assert_eq!(hex(&place(None, (5, Some(Duration::new(7, 9))))), GOLDEN_PLACE_BORN);
}

#[test]
fn st_60_the_file_is_frozen_for_a_key_file_and_for_a_passphrase() {
    assert_eq!(hex(&made(&key_file(3)).1), include_str!("golden-key-file.hex").trim());
    assert_eq!(hex(&made(&passphrase("correct horse")).1), include_str!("golden-passphrase.hex").trim());
}

const GOLDEN_PLACE_BORN: &str = "ebb8b9566de83d8e73e5d6fbf79f8fd61b62501e84ce3c1f109168bc88d25527";
const GOLDEN_PLACE: &str = "495b022ae59f143895c1b84ddb3741ec86aedd3e9e58a74f8193a1af147b5f36";
