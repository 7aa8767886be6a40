//! What is accepted here is accepted by the reference implementation, and holds the same tensors there.

use std::collections::HashMap;

use packbench_core::safetensors::Safetensors;
use proptest::prelude::*;
use safetensors::tensor::TensorView;

use crate::{bytes, file};

fn agrees(file: &[u8]) {
    let Ok(ours) = Safetensors::parse(file) else { return };
    let theirs = safetensors::SafeTensors::deserialize(file).unwrap();
    assert_eq!(theirs.len(), ours.tensors.len());
    for tensor in &ours.tensors {
        let view = theirs.tensor(&tensor.name).unwrap();
        assert_eq!(view.dtype().to_string(), tensor.dtype.to_string());
        assert!(view.shape().iter().map(|&dim| dim as u64).eq(tensor.shape.iter().copied()));
        assert_eq!(Some(view.data()), ours.payload(tensor));
    }
}

/// A model of that many tensors of different lengths, their data in another order than the header.
fn model(tensors: u64) -> Vec<u8> {
    let end = |n: u64| n * (n + 1) / 2;
    let entries: Vec<String> =
        (0..tensors).rev().map(|n| bytes(&format!("t{n}"), end(n), end(n + 1))).collect();
    file(&format!("{{{}}}", entries.join(", ")), end(tensors) as usize)
}

#[test]
fn every_type_is_read_alike() {
    use strum::VariantArray;
    for dtype in packbench_core::safetensors::Dtype::VARIANTS {
        let header =
            format!(r#"{{"t":{{"dtype":"{dtype}","shape":[4,2],"data_offsets":[0,{}]}}}}"#, dtype.bits());
        let file = file(&header, dtype.bits() as usize);
        assert!(Safetensors::parse(&file).is_ok(), "{dtype}");
        agrees(&file);
    }
}

#[test]
fn what_the_reference_writes_is_read() {
    let (f32s, bytes) = ([0u8; 24], [1u8; 3]);
    let view = |dtype, shape: &[usize], data| TensorView::new(dtype, shape.to_vec(), data).unwrap();
    let tensors = [
        ("model.b", view(safetensors::Dtype::U8, &[3], &bytes)),
        ("ä \"quoted\"", view(safetensors::Dtype::F32, &[2, 3], &f32s)),
        ("none", view(safetensors::Dtype::BF16, &[0, 4], &[])),
    ];
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let file = safetensors::serialize(tensors, Some(metadata)).unwrap();
    let read = Safetensors::parse(&file).unwrap();
    assert_eq!(read.metadata.as_deref(), Some(&[("format".into(), "pt".into())][..]));
    assert_eq!(read.tensors.len(), 3);
    agrees(&file);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn models_are_read_alike(tensors in 0u64..20) {
        prop_assert!(Safetensors::parse(&model(tensors)).is_ok());
        agrees(&model(tensors));
    }

    /// Bytes of a header exchanged for those that JSON has a meaning for, and the file cut.
    #[test]
    fn damaged_models_are_read_alike(
        tensors in 1u64..4,
        damage in prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(&b"0123456789,:\"[]{} abtF\\"[..])), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let mut file = model(tensors);
        let header = 8..Safetensors::parse(&file).unwrap().data_offset.0 as usize;
        for (at, byte) in damage {
            file[header.start + at.index(header.len())] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        agrees(&file);
    }
}
