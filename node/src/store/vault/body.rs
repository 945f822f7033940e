//! What the vault keeps, as the one canonical form of CBOR.

use coterie_protocol::{SealingKey, Secret};
use minicbor::{Decoder, Encoder};
use zeroize::Zeroizing;

/// The sealed body is never longer (ST-60).
pub(super) const BODY_BYTES_MAX: usize = 4_096;

/// What the vault keeps (ST-64).
pub(in crate::store) struct Body {
    pub(in crate::store) identity: Secret<32>,
    pub(in crate::store) instance: [u8; 16],
    pub(in crate::store) place: [u8; 32],
    pub(in crate::store) rotating: Vec<SealingKey>,
    pub(in crate::store) archive: Vec<SealingKey>,
    pub(in crate::store) blob_names: Secret<32>,
    pub(in crate::store) created_ms: u64,
}

impl Body {
    pub(super) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(BODY_BYTES_MAX));
        let mut to = Encoder::new(&mut *bytes);
        // Writing into memory cannot fail.
        let _ = self.encode(&mut to);
        bytes
    }

    fn encode(&self, to: &mut Encoder<&mut Vec<u8>>) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        to.array(8)?.u8(1)?.bytes(self.identity.expose())?.bytes(&self.instance)?.bytes(&self.place)?;
        for keys in [&self.rotating, &self.archive] {
            to.array(keys.len() as u64)?;
            for key in keys {
                to.array(2)?.u32(key.generation)?.bytes(key.key.expose())?;
            }
        }
        to.bytes(self.blob_names.expose())?.u64(self.created_ms)?;
        Ok(())
    }

    /// Reads the one canonical form; anything else is damage.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut from = Decoder::new(bytes);
        (from.array().ok()?? == 8 && from.u8().ok()? == 1).then_some(())?;
        let body = Self {
            identity: secret(&mut from)?,
            instance: from.bytes().ok()?.try_into().ok()?,
            place: from.bytes().ok()?.try_into().ok()?,
            rotating: sealing_keys(&mut from)?,
            archive: sealing_keys(&mut from)?,
            blob_names: secret(&mut from)?,
            created_ms: from.u64().ok()?,
        };
        (*body.to_bytes() == bytes).then_some(body)
    }
}

fn secret(from: &mut Decoder<'_>) -> Option<Secret<32>> {
    Secret::try_from(from.bytes().ok()?).ok()
}

fn sealing_keys(from: &mut Decoder<'_>) -> Option<Vec<SealingKey>> {
    let count = from.array().ok()??;
    if !(1..=2).contains(&count) {
        return None;
    }
    let key = |from: &mut Decoder<'_>| {
        (from.array().ok()?? == 2).then_some(())?;
        Some(SealingKey { generation: from.u32().ok()?, key: secret(from)? })
    };
    (0..count).map(|_| key(from)).collect()
}
