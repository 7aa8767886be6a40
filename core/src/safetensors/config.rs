//! `config.json`, which lies beside a checkpoint and says what kind of model it is.

use serde::Deserialize;

/// What of a model's configuration its layout depends on. Whatever a file doesn't say, or says in another form, is
/// `None`: it isn't part of the container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `model_type`.
    pub model_type: Option<String>,
    /// How many experts a layer has.
    pub experts: Option<u64>,
    /// How many of them a token takes.
    pub experts_used: Option<u64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Json {
    model_type: serde_json::Value,
    num_experts: serde_json::Value,
    num_local_experts: serde_json::Value,
    n_routed_experts: serde_json::Value,
    num_experts_per_tok: serde_json::Value,
    /// Of a model that also sees: its language model.
    text_config: Option<Box<Json>>,
}

impl Config {
    /// Reads a configuration.
    pub fn parse(bytes: &[u8]) -> Self {
        let json: Json = serde_json::from_slice(bytes).unwrap_or_default();
        let own = Config::from(&json);
        let text = json.text_config.as_deref().map(Config::from).unwrap_or_default();
        Config {
            model_type: text.model_type.or(own.model_type),
            experts: text.experts.or(own.experts),
            experts_used: text.experts_used.or(own.experts_used),
        }
    }
}

impl From<&Json> for Config {
    fn from(json: &Json) -> Self {
        let counts = [&json.num_experts, &json.num_local_experts, &json.n_routed_experts];
        Config {
            model_type: json.model_type.as_str().map(str::to_owned),
            experts: counts.iter().find_map(|count| count.as_u64()),
            experts_used: json.num_experts_per_tok.as_u64(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_of_the_language_model_comes_first() {
        let json = br#"{"model_type": "a", "num_local_experts": 8, "num_experts_per_tok": 2.5,
            "text_config": {"model_type": "b", "num_experts_per_tok": 2}}"#;
        let expected = Config { model_type: Some("b".into()), experts: Some(8), experts_used: Some(2) };
        assert_eq!(Config::parse(json), expected);
        for odd in [&b"[]"[..], b"", b"{\"model_type\": 1}", b"\xff"] {
            assert_eq!(Config::parse(odd), Config::default());
        }
    }
}
