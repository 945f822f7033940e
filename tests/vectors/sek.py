#!/usr/bin/env python3
"""Second implementation of group encryption and of sealed files; it shares no code with the first (E-106, BL-7).

What it does is what protocol/docs/encryption.md and protocol/docs/blobs.md say.

    pip install -r requirements.txt
    python3 sek.py          # writes sek.json beside this file
    python3 sek.py --check  # compares with it, exit 1 if anything differs

The Rust tests read the frozen sek.json and need no Python. Where the page is too vague to follow, mend the page.
"""

import hashlib
import hmac
import json
import math
import struct
import sys
from pathlib import Path

import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pyhpke import AEADId, CipherSuite, KDFId, KEMId

HERE = Path(__file__).parent
WORDS = (HERE / "../../protocol/src/identity/words.txt").read_text().split()
SUITE = CipherSuite.new(KEMId.DHKEM_X25519_HKDF_SHA256, KDFId.HKDF_SHA256, AEADId.CHACHA20_POLY1305)


# ---- Encoding: canonical CBOR -------------------------------------------------------------------------------------

def head(major, value):
    if value < 24:
        return bytes([major << 5 | value])
    for code, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if value < 1 << (8 * size):
            return bytes([major << 5 | code]) + value.to_bytes(size, "big")
    raise ValueError("too large")


def cbor(value):
    if value is None:
        return b"\xf6"
    if value is True or value is False:
        return b"\xf5" if value else b"\xf4"
    if isinstance(value, int):
        return head(0, value)
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    return head(4, len(value)) + b"".join(cbor(item) for item in value)


# ---- Primitives ---------------------------------------------------------------------------------------------------

def sha256(data):
    return hashlib.sha256(data).digest()


def enc(label, *fields):
    return cbor(["coterie/1/" + label, *fields])


def H(label, *fields):
    return sha256(enc(label, *fields))


def hkdf_expand(prk, info):
    return hmac.new(prk, info + b"\x01", hashlib.sha256).digest()


def expand(key, label, *fields):
    return hkdf_expand(key, enc(label, *fields))


def kdf(salt, ikm, label, *fields):
    return hkdf_expand(hmac.new(salt, ikm, hashlib.sha256).digest(), enc(label, *fields))


def public(seed):
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(seed, label, *fields):
    return Ed25519PrivateKey.from_private_bytes(seed).sign(enc(label, *fields))


def leaf_pair(ikm):
    return SUITE.kem.derive_key_pair(ikm)


def leaf_public(ikm):
    return leaf_pair(ikm).public_key.to_public_bytes()


def hpke_seal(pk, info, aad, plaintext, draw):
    key = SUITE.kem.deserialize_public_key(pk)
    sealed_key, context = SUITE.create_sender_context(key, info, eks=leaf_pair(draw))
    return sealed_key + context.seal(plaintext, aad=aad)


def quarter(state, a, b, c, d):
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        state[x] = (state[x] + state[y]) & 0xFFFFFFFF
        mixed = state[z] ^ state[x]
        state[z] = (mixed << turn | mixed >> (32 - turn)) & 0xFFFFFFFF


def hchacha20(key, nonce):
    state = list(struct.unpack("<4I", b"expand 32-byte k") + struct.unpack("<8I", key) + struct.unpack("<4I", nonce))
    for _ in range(10):
        for column in range(4):
            quarter(state, column, 4 + column, 8 + column, 12 + column)
        for i in range(4):
            quarter(state, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4)
    return struct.pack("<8I", *state[:4], *state[12:])


def xchacha_seal(key, nonce, aad, plaintext):
    return ChaCha20Poly1305(hchacha20(key, nonce[:16])).encrypt(b"\0" * 4 + nonce[16:], plaintext, aad)


# draft-irtf-cfrg-xchacha-03, section 2.2.1
assert hchacha20(bytes(range(32)), bytes.fromhex("000000090000004a0000000031415927")) == bytes.fromhex(
    "82413b4227b27bfed30e42508a877d73a0f9e4d58a74a853c12ec41326d3ecdc"
)


# ---- Entries ------------------------------------------------------------------------------------------------------

class Log:
    """One author on one installation."""

    def __init__(self, gid, seed, mid, inst):
        self.gid, self.seed, self.mid, self.inst = gid, seed, mid, inst

    def first_prev(self):
        return H("log", self.gid, self.mid, self.inst)

    def hd(self, head_bytes):
        return H("head", self.gid, self.mid, self.inst, head_bytes)

    def entry(self, head_bytes, commit, body):
        eid = H("entry", self.hd(head_bytes), commit, H("body", body))
        return cbor([head_bytes, commit, body, sign(self.seed, "sig-entry", eid)]), eid


def roster_hash(gid, keyed):
    return H("roster", gid, sorted(keyed))


def first_chain_key(log, seed, epoch, roster):
    return kdf(log.gid, seed, "chain", log.mid, log.inst, epoch, roster)


def rekey(log, place, numbers, keyed, leaves, suspended, draws):
    """`numbers`: epoch, prev_len, generation, reason. `draws`: seed, leaf, then one a slot."""
    epoch, prev_len, generation, reason = numbers
    seed, leaf, *slots = draws
    keyed = sorted(keyed)
    roster = roster_hash(log.gid, keyed)
    left_out = [[at, suspended[mid]] for at, mid in enumerate(keyed) if mid in suspended]
    head_bytes = cbor([1, 2, *place, epoch, prev_len, roster, generation, leaf_public(leaf), reason, left_out])
    hd, body = log.hd(head_bytes), []
    for mid in keyed:
        if mid == log.mid or mid in suspended:
            continue
        inst, inst_no, number, pk = leaves[mid]
        info = enc("slot", log.gid, log.mid, log.inst, epoch, mid, inst, number, pk)
        body.append([inst_no, number, hpke_seal(pk, info, hd, seed, slots.pop(0))])
    assert not slots
    commit = H("seed", log.gid, log.mid, log.inst, epoch, seed)
    return (*log.entry(head_bytes, commit, cbor(body)), commit, first_chain_key(log, seed, epoch, roster))


def grant(log, place, numbers, targets, ck, draws):
    """`numbers`: epoch, index, reason."""
    epoch, index, reason = numbers
    head_bytes = cbor([1, 3, *place, epoch, index, reason])
    hd, body, draws = log.hd(head_bytes), [], list(draws)
    for mid in sorted(targets):
        inst, inst_no, number, pk = targets[mid]
        info = enc("grant", log.gid, log.mid, log.inst, epoch, index, mid, inst, number, pk)
        body.append([mid, inst_no, number, hpke_seal(pk, info, hd, ck, draws.pop(0))])
    commit = H("ck", log.gid, log.mid, log.inst, epoch, index, ck)
    return (*log.entry(head_bytes, commit, cbor(body)), commit)


def leaf(log, place, inst_no, generation, reason, prior, known, draw):
    head_bytes = cbor([1, 1, *place, inst_no, generation, leaf_public(draw), reason, prior])
    acks = [[0, 0] if one is None else [one[0], one[1] + 1] for one in known]
    return log.entry(head_bytes, b"", cbor(acks))


def ratchet(ck, steps):
    for _ in range(steps):
        ck = expand(ck, "step")
    mk = expand(ck, "mk")
    return ck, mk, expand(mk, "msg-key"), expand(mk, "msg-salt")


def field_digests(content, salt):
    kind, sent_at, tick, after, body = content
    fields = [kind, sent_at, tick, after, *body]
    return [
        H("field", i, len(fields), expand(salt, "salt-field", i), cbor(field)) for i, field in enumerate(fields)
    ]


def pad(content):
    data, size = cbor(content), 256
    while size < len(data):
        size *= 2
    assert size <= 32_768
    return data + b"\0" * (size - len(data))


def message(log, place, numbers, ck, content, nonce):
    """`numbers`: epoch, index; `ck` is the chain key of that index."""
    epoch, index = numbers
    _, _, key, salt = ratchet(ck, 0)
    head_bytes = cbor([1, 4, *place, epoch, index, nonce])
    commit = H("content", field_digests(content, salt))
    aad = enc("msg-aad", log.hd(head_bytes), commit)
    return (*log.entry(head_bytes, commit, xchacha_seal(key, nonce, aad, pad(content))), commit)


def envelope(log, place, link_keys, not_after, nonce, grant_bytes):
    """Kind 5: a seat grant sealed under a link's key; `link_keys` is what `link` derives."""
    head_bytes = cbor([1, 5, *place, link_keys["lookup"], link_keys["invite_pk"], not_after])
    aad = enc("invite-env", log.gid, log.mid, link_keys["lookup"], link_keys["invite_pk"], not_after)
    return log.entry(head_bytes, b"", nonce + xchacha_seal(link_keys["seal"], nonce, aad, grant_bytes))


# ---- History for newcomers ----------------------------------------------------------------------------------------

def archive_record(rekey_eid, log, epoch, roster, seed, since, given):
    """A kept seed as it lies on the disk, before the store seals it."""
    return cbor([1, rekey_eid, log.mid, log.inst, epoch, roster, seed, since, given])


def bundle_content(seeds):
    """`seeds`: (mid, inst, epoch, seed) each, in any order."""
    logs = {}
    for mid, inst, epoch, seed in seeds:
        logs.setdefault(mid + inst, []).append([epoch, seed])
    return cbor([[name[:32], name[32:], sorted(logs[name])] for name in sorted(logs)])


def bundles(giver, to, seeds, draws):
    """`to`: mid and leaf of who gets; `seeds`: newest first; `draws`: one for each part."""
    to_mid, (inst, inst_no, number, pk) = to
    chunks = [seeds[at:at + 480] for at in range(0, len(seeds), 480)]
    made = []
    for part, (chunk, draw) in enumerate(zip(chunks, draws, strict=True)):
        names = [giver.gid, giver.mid, giver.inst, to_mid]
        info = enc("history", *names, inst, number, pk, part, len(chunks))
        sealed = hpke_seal(pk, info, b"", bundle_content(chunk), draw)
        numbers = [inst_no, number, part, len(chunks)]
        signature = sign(giver.seed, "sig-history", *names, *numbers, sha256(sealed))
        made.append(cbor([1, *names, *numbers, sealed, signature]))
    return made


# ---- What people compare, and links -------------------------------------------------------------------------------

def safety_number(a, b):
    out = []
    for key in sorted((a, b)):
        x = hashlib.sha512(enc("safety", key)).digest()
        for _ in range(5_200):
            x = hashlib.sha512(x + key).digest()
        out += [f"{int.from_bytes(x[5 * j:5 * j + 5], 'big') % 100_000:05}" for j in range(6)]
    return " ".join(out)


def safety_code(a, b):
    return "COTERIE:V/" + b"".join(sorted((a, b))).hex().upper()


def words(count, label, *fields):
    kdf_ = Argon2id(salt=b"coterie/1/words.", length=32, iterations=2, lanes=1, memory_cost=64 * 1024)
    bits = int.from_bytes(kdf_.derive(enc(label, *fields)), "big")
    return [WORDS[bits >> (256 - 11 * (i + 1)) & 2047] for i in range(count)]


def link(inviter, secret, addresses):
    import base64

    payload = inviter + secret + b"".join(bytes([len(a)]) + a for a in addresses)
    payload += H("link", inviter, secret, *addresses)[:2]
    text = "COTERIE:J/" + base64.b32encode(payload).decode().rstrip("=")
    derive = lambda label: kdf(b"coterie/1/invite", secret + inviter, label)
    seed = derive("invite-key")
    return {
        "text": text,
        "lookup": derive("invite-lookup"),
        "invite_pk": public(seed),
        "seal": derive("invite-seal"),
    }


# ---- Files --------------------------------------------------------------------------------------------------------

SEGMENT = 65_520


def padme(size):
    """Padme as its authors give it: with floating-point logarithms, unlike the first implementation."""
    exponent = math.floor(math.log2(size))
    kept = math.floor(math.log2(exponent)) + 1
    step = 2 ** (exponent - kept)
    return math.ceil(size / step) * step


def file_of(size):
    """A file of that many bytes: SHA-256 of 0, 1, 2 … as eight bytes, big-endian, one after the other."""
    return b"".join(sha256(i.to_bytes(8, "big")) for i in range(-(-size // 32)))[:size]


def blob(key, data):
    padded = data + b"\0" * ((padme(len(data)) if len(data) > 4_096 else 4_096) - len(data))
    parts = [padded[at:at + SEGMENT] for at in range(0, len(padded), SEGMENT)]
    cipher = ChaCha20Poly1305(key)
    last = len(parts) - 1
    return [
        cipher.encrypt(i.to_bytes(11, "big") + bytes([i == last]), part, None) for i, part in enumerate(parts)
    ]


def blob_case(i, size):
    """Lengths, hashes and ends of the first and the last segment; whole only where it is short."""
    key, data = b(80, i), file_of(size)
    parts = blob(key, data)
    whole = b"".join(parts)
    ends = lambda part: {"length": len(part), "hash": sha256(part), "begin": part[:32], "end": part[-32:]}
    return {
        "size": size, "key": key, "file": sha256(data), "segments": len(parts), "length": len(whole),
        "first": ends(parts[0]), "last": ends(parts[-1]), "hash": sha256(whole), "id": blake3.blake3(whole).digest(),
    }


def attachments():
    full = [
        2, b(81), b(82), 123_456_789, 8, "caf\u00e9 quay.mp4", [1_920, 1_080], 61_500, b(83)[:25], (b(84) * 2)[:40],
        [b(85), b(86), 65_536], "a dredger", "we leave at dawn", True,
    ]
    bare = [3, b(81), b(82), 1, 0, None, None, None, None, None, None, None, None, False]
    return [cbor(full), cbor(bare)]


# ---- The vectors --------------------------------------------------------------------------------------------------

def b(*what):
    return sha256(bytes(what))


def member(i):
    """Seed, mid, installation and leaf (number 17) of person i."""
    return {"seed": b(i), "mid": b(1, i), "inst": b(2, i)[:16], "ikm": b(200 + i)}


def leaf_of(i):
    one = member(i)
    return (one["inst"], 0, 17, leaf_public(one["ikm"]))


def log_of(i):
    one = member(i)
    return Log(b(0), one["seed"], one["mid"], one["inst"])


def rekey_case(count, suspended, epoch):
    log, keyed = log_of(0), sorted(member(i)["mid"] for i in range(count))
    leaves = {member(i)["mid"]: leaf_of(i) for i in range(count)}
    left_out = {member(i)["mid"]: why for i, why in suspended.items()}
    draws = [b(99), b(98)]
    draws += [b(3, at) for at, mid in enumerate(keyed) if mid != log.mid and mid not in left_out]
    place = [70_000, b(97), [b(96)]]
    entry, eid, commit, ck = rekey(log, place, (epoch, 37, 18, 2), keyed, leaves, left_out, draws)
    return {
        "members": count, "suspended": [[i, why] for i, why in suspended.items()], "epoch": epoch, "draws": draws,
        "entry": entry, "eid": eid, "commit": commit, "chain": ck,
    }


def bundle_case(to, seeds):
    """What member 9 gives to member `to`. A long one is frozen by its hashes; the tests know how its seeds are made."""
    parts = -(-len(seeds) // 480)
    draws = [b(93, to, part) for part in range(parts)]
    made = bundles(log_of(9), (member(to)["mid"], leaf_of(to)), seeds, draws)
    return {
        "to": to, "count": len(seeds), "seeds": [list(seed) for seed in seeds] if len(seeds) < 100 else None,
        "draws": draws,
        "bundles": [one if len(one) < 4_096 else None for one in made],
        "lengths": [len(one) for one in made], "hashes": [sha256(one) for one in made],
    }


def make():
    gid, log = b(0), log_of(0)
    rekeys = [rekey_case(1, {}, 0), rekey_case(3, {}, 300), rekey_case(3, {2: 1}, 301), rekey_case(40, {}, 7)]
    ck0 = rekeys[1]["chain"]
    chain = []
    for index in (0, 1, 999):
        ck, mk, key, salt = ratchet(ck0, index)
        chain.append({"index": index, "ck": ck, "mk": mk, "key": key, "salt": salt})
    now = 1_795_269_731_480
    post = lambda text, after=(): [0, now, now, list(after), [text, None, [], None, [0, None]]]
    contents = [
        (0, post("x"), []),
        (1, post("The dredger left at dawn."), []),
        (2, [1, now, now + 1, [b(40), b(41)], [b(42), "The dredger left at noon."]], [b(96)]),
        (3, [3, now, now, [], [b(42), "\U0001F44D\U0001F3FD", True]], []),
        (4, post("e" * 226), []),
        (5, post("e" * 227), []),
        (6, post("e" * 16_384), []),
        (7, [77, now, now, [], [5, b"opaque", [None, True]]], []),
        (999, [12, now, now, [], ["Ana", "harbour desk", None]], []),
    ]
    messages = []
    for index, content, heads in contents:
        ck, *_ = ratchet(ck0, index)
        nonce = b(95, index % 256)[:24] if index != 1 else b(95)[:24]
        place = [70_001, rekeys[1]["eid"], heads]
        entry, eid, commit = message(log, place, (300, index), ck, content, nonce)
        messages.append({
            "index": index, "heads": heads, "content": cbor(content), "nonce": nonce, "padded": len(pad(content)),
            "entry": sha256(entry), "length": len(entry), "eid": eid, "commit": commit,
            "whole": entry if index in (0, 1, 2, 999) else None,
        })
    commits = []
    for index, content, _ in (one for one in contents if len(cbor(one[1])) <= 512):
        *_, salt = ratchet(ck0, index)
        digests = field_digests(content, salt)
        commits.append({
            "content": cbor(content), "salt": salt, "fields": digests, "commit": H("content", digests),
        })
    grants = []
    for count in (1, 32):
        ck, *_ = ratchet(ck0, 2)
        targets = {member(i)["mid"]: leaf_of(i) for i in range(1, count + 1)}
        draws = [b(94)] if count == 1 else [b(4, at) for at in range(count)]
        prev = messages[1]["eid"]
        entry, eid, commit = grant(log, [70_002, prev, [b(96)]], (300, 2, 1), targets, ck, draws)
        grants.append({"targets": count, "prev": prev, "draws": draws, "entry": entry, "eid": eid, "commit": commit})
    leaves = []
    prior = [b(2, 9)[:16], 41, b(43)]
    for seq, prev, inst_no, generation, reason, before, known in (
        (0, log.first_prev(), 0, 0, 0, None, []),
        (0, log.first_prev(), 3, 0, 0, prior, [None, [0, 17]]),
        (9, b(44), 3, 18, 1, None, [[0, 0], None, [2, 300]]),
    ):
        entry, eid = leaf(log, [seq, prev, [b(96)]], inst_no, generation, reason, before, known, b(98))
        leaves.append({
            "seq": seq, "prev": prev, "inst_no": inst_no, "generation": generation, "reason": reason,
            "prior": before, "known": known, "draw": b(98), "entry": entry, "eid": eid,
        })
    archive, shelf = [], rekeys[1]
    roster = roster_hash(gid, [member(i)["mid"] for i in range(3)])
    for given in (False, True):
        record = archive_record(shelf["eid"], log, 300, roster, b(99), now, given)
        archive.append({
            "rekey": shelf["entry"], "epoch": 300, "roster": roster, "seed": b(99), "since": now, "given": given,
            "record": record,
        })
    bundled = [
        bundle_case(1, [(member(0)["mid"], member(0)["inst"], 300, b(99))]),
        bundle_case(2, [
            (member(i)["mid"], member(i)["inst"], epoch, b(5, i, at)) for at, (i, epoch) in enumerate(
                [(4, 12), (0, 301), (4, 11), (7, 0), (0, 300), (4, 9_007_199_254_740_991), (0, 23), (0, 24)]
            )
        ]),
        bundle_case(3, [
            (member(i % 5)["mid"], member(i % 5)["inst"], 1_000 - i, b(6, i % 256, i // 256)) for i in range(481)
        ]),
    ]
    address = bytes.fromhex("04c000020791020fa1cd03")
    link_keys, envelopes = link(b"\x55" * 32, b"\x66" * 16, []), []
    for sealed in (b"", b(60), b(61) * 9):
        entry, eid = envelope(log, [70_003, b(62), [b(96)]], link_keys, 1_800_000_000_000, b(63)[:24], sealed)
        envelopes.append({"grant": sealed, "nonce": b(63)[:24], "prev": b(62), "entry": entry, "eid": eid})
    keys = [public(b(i)) for i in range(3)]
    return {
        "roster": [
            {"members": n, "hash": roster_hash(gid, [b(1, i) for i in range(n)])} for n in (1, 3, 100)
        ],
        "rekey": rekeys,
        "chain": chain,
        "message": messages,
        "commit": commits,
        "grant": grants,
        "leaf": leaves,
        "envelope": envelopes,
        "archive": archive,
        "bundle": bundled,
        "safety": [
            {"a": keys[i], "b": keys[j], "number": safety_number(keys[i], keys[j]), "code": safety_code(keys[i], keys[j])}
            for i, j in ((0, 1), (2, 1))
        ],
        "words": [{"key": key, "words": words(6, "key-words", key)} for key in keys[:2]],
        "code": [{
            "gid": gid, "roster": b(50), "policy": cbor([1, [], 5]),
            "words": words(8, "group-code", gid, b(50), H("policy", cbor([1, [], 5]))),
        }],
        "link": [
            {"inviter": b"\x55" * 32, "secret": b"\x66" * 16, "addresses": a, **link(b"\x55" * 32, b"\x66" * 16, a)}
            for a in ([], [address])
        ],
        "blob": [
            blob_case(i, size)
            for i, size in enumerate((1, 4_095, 4_096, 65_519, 65_520, 65_521, 100_000, (1 << 20) + 1))
        ],
        "padme": [
            [size, padme(size)] for size in sorted(
                {max(4_097, (1 << e) * 17 // 16 ** d + o) for e in range(13, 31) for d in (0, 1) for o in (-1, 0, 1)}
                | {1 << 31, 500_000_000, 20_000_000}
            ) if size <= 1 << 31
        ],
        "attachment": attachments(),
    }


def plain(value):
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def check_anchors(made):
    """What two implementations agreed on before either was here."""
    assert made["roster"][1]["hash"].hex() == "b8791cf3641c275ee4583a6571c72cae9a27086c4b2d85b31c2fcf170ce35622"
    entry = made["rekey"][1]["entry"]
    assert sha256(entry).hex() == "238da47b40855e66f4a62c22abe36a993dfb6c3640779bec69cf36926f9fa94d"
    assert made["rekey"][1]["chain"].hex() == "b6b079f90bed8f7df1321f189366091b26f5a4e4645b5e225a13aab200acb921"
    assert made["message"][1]["entry"].hex() == "cf1e76323eee4117b8860fd273a53f0690db8a6394e0a302dff7cefc91b8e617"
    grant_bytes = made["grant"][0]["entry"]
    assert sha256(grant_bytes).hex() == "5da5dab50b60b065714a45d8d780ae5e9dc8f237d597d8c2c3d5af368fd0cad9"
    assert made["words"][0]["words"] == "basic salad manual session spring mushroom".split()
    assert made["safety"][0]["number"].startswith("28409 41924 64637")
    assert made["link"][0]["text"].endswith("TGMZTGMIFD")


def main():
    made = make()
    check_anchors(made)
    text = json.dumps(plain(made), indent=1) + "\n"
    path = HERE / "sek.json"
    if "--check" in sys.argv[1:]:
        same = path.read_text() == text
        print("sek.json is what this file makes" if same else "sek.json differs from what this file makes")
        return 0 if same else 1
    path.write_text(text)
    print(f"{path.name}: {len(text)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
