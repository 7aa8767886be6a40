//! Objects that are objects. Of its own accord serde takes a list for the fields of a struct, in their order, and an empty
//! one for a struct whose fields may all be left out.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Reads a struct from an object alone.
pub fn object<'de, D, T>(from: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    from.deserialize_any(Object(PhantomData))
}

/// Reads a struct from JSON that is one object.
pub fn from_slice<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    let mut from = serde_json::Deserializer::from_slice(json);
    let read = object(&mut from)?;
    from.end().map(|()| read)
}

struct Object<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(entries))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<T, A::Error> {
        Err(A::Error::custom("found a list, expected an object"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::Job;

    #[test]
    fn a_list_is_no_job_wherever_it_stands() {
        #[derive(serde::Deserialize)]
        struct Within {
            job: Job,
        }
        assert_eq!(serde_json::from_str::<Job>("{}").ok(), Some(Job::default()));
        let said = serde_json::from_str::<Job>("[]").unwrap_err().to_string();
        assert!(said.starts_with("found a list, expected an object"), "{said}");
        assert_eq!(
            from_slice::<Within>(br#"{"job": {}}"#).ok().map(|within| within.job),
            Some(Job::default())
        );
        for list in [r#"{"job": []}"#, r#"{"job": [[]]}"#, "[{}]", "{\"job\": {}} []"] {
            assert!(from_slice::<Within>(list.as_bytes()).is_err(), "{list}");
        }
    }
}
