//! What every stored record has: a table, a version, a key, and the values it can be found by.

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Receives the index entries of a record: the index's name and the value to find it by.
pub type IndexSink<'a> = &'a mut dyn FnMut(&'static str, String);

/// A row of a typed table. Stored as one version byte followed by JSON.
///
/// Adding an optional field keeps the version; any other change of form raises it and extends [`Record::migrate`].
pub trait Record: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The first segment of the stored key. Unique among all records; never changed.
    const TABLE: &'static str;
    const VERSION: u8 = 1;

    /// Unique in the table. Segments are joined by `/`, from the wide (account, region) to the narrow, so that a prefix
    /// selects what belongs together.
    fn key(&self) -> String;

    /// Tells every index entry of this record. Equal values of several records are fine.
    fn index(&self, _sink: IndexSink<'_>) {}

    /// Reads an older version's bytes.
    fn migrate(version: u8, _json: &[u8]) -> Result<Self, DecodeError> {
        Err(DecodeError::UnknownVersion { table: Self::TABLE, version, newest: Self::VERSION })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error(
        "a record of table {table} has version {version}, this program reads up to {newest}: start a newer version \
         of the program"
    )]
    UnknownVersion { table: &'static str, version: u8, newest: u8 },
    #[error("a record of table {table} is empty")]
    Empty { table: &'static str },
    #[error("a record of table {table} can't be read")]
    Malformed {
        table: &'static str,
        #[source]
        source: serde_json::Error,
    },
}

pub fn encode<R: Record>(record: &R) -> Vec<u8> {
    let mut bytes = vec![R::VERSION];
    // Records are plain data with string keys: the serializer has nothing that it could refuse.
    serde_json::to_writer(&mut bytes, record).expect("a record serializes");
    bytes
}

pub fn decode<R: Record>(bytes: &[u8]) -> Result<R, DecodeError> {
    let (version, json) = bytes.split_first().ok_or(DecodeError::Empty { table: R::TABLE })?;
    if *version != R::VERSION {
        return R::migrate(*version, json);
    }
    serde_json::from_slice(json).map_err(|source| DecodeError::Malformed { table: R::TABLE, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Plant {
        name: String,
    }

    impl Record for Plant {
        const TABLE: &'static str = "plant";
        const VERSION: u8 = 2;
        fn key(&self) -> String {
            self.name.clone()
        }
        fn migrate(version: u8, json: &[u8]) -> Result<Self, DecodeError> {
            match version {
                1 => Ok(Plant { name: String::from_utf8_lossy(json).into_owned() }),
                _ => Err(DecodeError::UnknownVersion { table: Self::TABLE, version, newest: Self::VERSION }),
            }
        }
    }

    #[test]
    fn versions_are_told_apart() {
        let fern = Plant { name: "fern".into() };
        assert_eq!(encode(&fern), b"\x02{\"name\":\"fern\"}");
        assert_eq!(decode::<Plant>(&encode(&fern)).ok(), Some(Plant { name: "fern".into() }));
        assert_eq!(decode::<Plant>(b"\x01moss").ok(), Some(Plant { name: "moss".into() }));
        assert!(matches!(decode::<Plant>(b"\x07{}"), Err(DecodeError::UnknownVersion { version: 7, .. })));
        assert!(matches!(decode::<Plant>(b""), Err(DecodeError::Empty { .. })));
        assert!(matches!(decode::<Plant>(b"\x02{"), Err(DecodeError::Malformed { .. })));
    }
}
