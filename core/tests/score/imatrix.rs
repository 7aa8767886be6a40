//! Importance matrices: what is written is read as means, and what makes no weights is named.

use insta::assert_snapshot;
use packbench_core::error::chain;
use packbench_core::gguf::sample::TinyModel;
use packbench_core::gguf::{Dims, GgmlType, Version, Writer};
use packbench_core::quant::imatrix::{add, read, write};

pub fn two_tensors() -> Vec<u8> {
    let (a, b) = ([2.0, 4.0, 8.0], [1.0]);
    let sums =
        [("blk.0.attn_q.weight", a.as_slice()), ("blk.1.attn_q.weight", &b), ("token_embd.weight", &[])];
    let mut file = Vec::new();
    write(sums.into_iter(), 4, &mut file).unwrap();
    file
}

/// Two experts of two columns, of which the second was never asked.
pub fn experts() -> Vec<u8> {
    let name = |suffix: &str| format!("blk.0.ffn_up_exps.weight{suffix}");
    file(&[(&name(".in_sum2"), &[2, 2], &[1.0, 2.0, 0.0, 0.0]), (&name(".counts"), &[1, 2], &[4.0, 0.0])])
}

/// Tensors in F32: name, shape, numbers.
fn file(tensors: &[(&str, &[u64], &[f32])]) -> Vec<u8> {
    let mut writer = Writer::new(Version::V3);
    for (name, shape, _) in tensors {
        writer.tensor(name, Dims::new(shape).unwrap(), GgmlType::F32).unwrap();
    }
    let mut file = Vec::new();
    let mut numbers = tensors.iter().map(|(_, _, numbers)| numbers);
    let put = |_: &_, out: &mut dyn std::io::Write| {
        numbers.next().unwrap().iter().try_for_each(|number| out.write_all(&number.to_le_bytes()))
    };
    writer.write(&mut file, put).unwrap();
    file
}

/// What is said of the sums and the counts of a tensor.
fn refused(sums: &[f32], counts: &[f32]) -> String {
    let (columns, experts) = (sums.len() as u64, counts.len() as u64);
    chain(&read(&file(&[("a.in_sum2", &[columns], sums), ("a.counts", &[experts], counts)])).unwrap_err())
}

#[test]
fn what_is_written_is_read_as_means() {
    let expected = [("blk.0.attn_q.weight", vec![0.5, 1.0, 2.0]), ("blk.1.attn_q.weight", vec![0.25])];
    assert_eq!(read(&two_tensors()).unwrap(), expected.map(|(name, means)| (name.to_owned(), means)).into());
}

#[test]
fn parts_of_one_scoring_add_up() {
    let two = add(&[two_tensors(), two_tensors()]).unwrap();
    let expected = [("blk.0.attn_q.weight", vec![4.0, 8.0, 16.0]), ("blk.1.attn_q.weight", vec![2.0])];
    assert_eq!(two, expected.map(|(name, sums)| (name.to_owned(), sums)).into());
    let others = |name: &str, sums: &[f32]| {
        let shape = [sums.len() as u64];
        file(&[(&format!("{name}.in_sum2"), &shape, sums), (&format!("{name}.counts"), &[1], &[4.0])])
    };
    let refused = |parts: &[Vec<u8>]| chain(&add(parts).unwrap_err());
    assert_snapshot!(refused(&[others("a", &[1.0]), others("b", &[1.0])]), @r#"tensor "a" is not in all parts, with as many columns: only parts of one scoring add up"#);
    assert_snapshot!(refused(&[others("a", &[1.0]), others("a", &[1.0, 2.0])]), @r#"tensor "a" is not in all parts, with as many columns: only parts of one scoring add up"#);
    assert_snapshot!(refused(&[two_tensors(), others("a", &[1.0])]), @r#"tensor "blk.0.attn_q.weight" is not in all parts, with as many columns: only parts of one scoring add up"#);
    assert_snapshot!(refused(&[TinyModel::new(1).bytes()]), @"found a file without sums of squares, expected an importance matrix, as llama-imatrix and packbench score write it");
}

#[test]
fn a_name_may_end_like_the_sums_of_another() {
    let (names, sums) = (["a", "a.in_sum2", "a.in_sum2.b", "a.counts"], [1.0]);
    let mut file = Vec::new();
    write(names.map(|name| (name, sums.as_slice())).into_iter(), 1, &mut file).unwrap();
    assert_eq!(read(&file).unwrap(), names.map(|name| (name.to_owned(), vec![1.0])).into());
}

#[test]
fn what_makes_no_weights_is_named() {
    assert_snapshot!(refused(&[1.0], &[0.0]), @r#"tensor "a.counts": found 0, expected a number of tokens"#);
    assert_snapshot!(refused(&[1.0], &[f32::NAN]), @r#"tensor "a.counts": found NaN, expected a number of tokens"#);
    assert_snapshot!(refused(&[1.0, -1.0], &[4.0]), @r#"tensor "a.in_sum2": found a mean square of -0.25, expected a finite number that is not negative"#);
    assert_snapshot!(refused(&[f32::INFINITY], &[4.0]), @r#"tensor "a.in_sum2": found a mean square of inf, expected a finite number that is not negative"#);
    assert_snapshot!(refused(&[1e30], &[1e-30]), @r#"tensor "a.in_sum2": found a mean square of inf, expected a finite number that is not negative"#);
    assert_snapshot!(refused(&[], &[4.0]), @r#"tensor "a.in_sum2": found no columns, expected at least one"#);
    assert_snapshot!(refused(&[1.0], &[]), @r#"tensor "a.counts": found 0 of them, expected one count: models with experts aren't quantized here"#);
    let said = |file: &[u8]| chain(&read(file).unwrap_err());
    assert_snapshot!(said(&experts()), @r#"tensor "blk.0.ffn_up_exps.weight.counts": found 2 of them, expected one count: models with experts aren't quantized here"#);
    assert_snapshot!(said(&file(&[("a.in_sum2", &[1], &[1.0])])), @r#"tensor "a.in_sum2": found no counts, expected NAME.counts beside it"#);
    assert_snapshot!(said(&TinyModel::new(1).bytes()), @"found a file without sums of squares, expected an importance matrix, as llama-imatrix and packbench score write it");
    let older = [&1_u32.to_le_bytes()[..], &1_u32.to_le_bytes(), b"a"].concat();
    assert_snapshot!(said(&older), @r#"expected an importance matrix as GGUF: one in llama.cpp's older format becomes one by llama-imatrix --in-file OLD.dat -o NEW.gguf: byte 0, header, magic: found first bytes [01, 00, 00, 00] ("\x01\x00\x00\x00"), expected "GGUF""#);
    let long = "n".repeat(1000) + ".in_sum2";
    assert!(said(&file(&[(&long, &[1], &[1.0])])).len() < 300);
}
