//! A file with nothing but a vocabulary: all header, which is what readers of metadata differ in.

use std::iter;

use super::super::{ArrayBuf, Value, ValueType, Version, Writer};

/// A vocabulary-only file of that many tokens, with as many merges and token types, as a GPT-2 style tokenizer has
/// them: about 40 bytes a token, so 150,000 give the 6 MB of a real model's header.
pub fn vocabulary(tokens: u32) -> Vec<u8> {
    let words: ArrayBuf = (0..tokens).map(word).collect();
    let merges: ArrayBuf = (0..tokens).map(merge).collect();
    let mut types = ArrayBuf::new(ValueType::I32);
    for normal in iter::repeat_n(Value::I32(1), tokens as usize) {
        types.push(normal).expect("an i32 in an array of i32");
    }

    let mut writer = Writer::new(Version::V3);
    writer.set("general.architecture", Value::String(b"qwen2"));
    writer.set("general.name", Value::String(b"vocabulary"));
    writer.set("tokenizer.ggml.model", Value::String(b"gpt2"));
    writer.set("tokenizer.ggml.tokens", Value::Array(words.as_array()));
    writer.set("tokenizer.ggml.token_type", Value::Array(types.as_array()));
    writer.set("tokenizer.ggml.merges", Value::Array(merges.as_array()));
    writer.set("tokenizer.ggml.bos_token_id", Value::U32(0));
    let mut file = Vec::new();
    writer.write(&mut file, |_, _| Ok(())).expect("a Vec takes all that is written to it");
    file
}

/// A word in two halves.
fn merge(index: u32) -> String {
    let mut halves = word(index);
    halves.insert(2, ' '); // behind the first or second letter: Ġ takes two bytes
    halves
}

/// A word of 5 to 14 letters that no other index has: the index in base 26, drawn out by a length that looks random.
fn word(index: u32) -> String {
    let mut letters = String::from(if index.is_multiple_of(3) { "Ġ" } else { "" });
    let mut rest = index;
    for _ in 0..5 {
        letters.push(char::from(b'a' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.extend(iter::repeat_n('a', index.wrapping_mul(0x9e37_79b9) as usize % 9));
    letters
}
