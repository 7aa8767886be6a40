//! What a tensor is for, told by its name.

/// A tensor's group and layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// `attn_q`, `ffn_down`, `token_embedding` …: the name without layer and suffix.
    pub group: &'a str,
    /// The layer; `None` for tensors that belong to none.
    pub layer: Option<u32>,
}

/// Tells the group and the layer of `blk.12.ffn_down.weight`: `ffn_down`, 12.
pub fn place(name: &str) -> Place<'_> {
    let stem = ["weight", "bias"].iter().find_map(|suffix| name.strip_suffix(suffix)?.strip_suffix('.'));
    let stem = stem.unwrap_or(name);
    let in_layer = stem.strip_prefix("blk.").and_then(|rest| {
        let (layer, group) = rest.split_once('.')?;
        Some(Place { group, layer: Some(layer.parse().ok()?) })
    });
    in_layer
        .unwrap_or(Place { group: if stem == "token_embd" { "token_embedding" } else { stem }, layer: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_group_and_layer() {
        let told = |name| {
            let Place { group, layer } = place(name);
            (group, layer)
        };
        assert_eq!(told("blk.12.ffn_down.weight"), ("ffn_down", Some(12)));
        assert_eq!(told("blk.0.attn_q.bias"), ("attn_q", Some(0)));
        assert_eq!(told("token_embd.weight"), ("token_embedding", None));
        assert_eq!(told("output.weight"), ("output", None));
        assert_eq!(told("blk.x.odd"), ("blk.x.odd", None));
        assert_eq!(told(""), ("", None));
    }
}
