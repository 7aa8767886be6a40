//! Whatever the writer writes, the reader reads back.

use packbench_core::gguf::{ArrayBuf, Dims, GgmlType, Gguf, Value, ValueType, Version, Writer};
use packbench_core::unit::Bytes;
use proptest::prelude::*;
use proptest::sample::select;
use strum::VariantArray;

/// A value that owns its parts.
#[derive(Clone, Debug)]
enum Owned {
    Plain(Value<'static>),
    String(Vec<u8>),
    Array(ArrayBuf),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Owned::Plain(value) => *value,
            Owned::String(bytes) => Value::String(bytes),
            Owned::Array(array) => Value::Array(array.as_array()),
        }
    }
}

fn array(element_type: ValueType, elements: &[Owned]) -> Owned {
    let mut array = ArrayBuf::new(element_type);
    for element in elements {
        array.push(element.value()).unwrap();
    }
    Owned::Array(array)
}

fn plain(value_type: ValueType) -> BoxedStrategy<Owned> {
    let strategy = match value_type {
        ValueType::U8 => any::<u8>().prop_map(Value::U8).boxed(),
        ValueType::I8 => any::<i8>().prop_map(Value::I8).boxed(),
        ValueType::U16 => any::<u16>().prop_map(Value::U16).boxed(),
        ValueType::I16 => any::<i16>().prop_map(Value::I16).boxed(),
        ValueType::U32 => any::<u32>().prop_map(Value::U32).boxed(),
        ValueType::I32 => any::<i32>().prop_map(Value::I32).boxed(),
        ValueType::F32 => any::<f32>().prop_map(Value::F32).boxed(),
        ValueType::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        ValueType::U64 => any::<u64>().prop_map(Value::U64).boxed(),
        ValueType::I64 => any::<i64>().prop_map(Value::I64).boxed(),
        ValueType::F64 => any::<f64>().prop_map(Value::F64).boxed(),
        ValueType::String | ValueType::Array => {
            return prop::collection::vec(any::<u8>(), 0..20).prop_map(Owned::String).boxed();
        }
    };
    strategy.prop_map(Owned::Plain).boxed()
}

/// A type and values of it, arrays left out.
fn elements() -> impl Strategy<Value = (ValueType, Vec<Owned>)> + Clone {
    prop_oneof![0u32..=8, 10u32..=12].prop_flat_map(|number| {
        let element_type = ValueType::from_repr(number).unwrap();
        (Just(element_type), prop::collection::vec(plain(element_type), 0..6))
    })
}

/// A value of any type; arrays of one type, also arrays of arrays.
fn any_value() -> impl Strategy<Value = Owned> {
    let scalar = prop_oneof![0u32..=8, 10u32..=12].prop_flat_map(|n| plain(ValueType::from_repr(n).unwrap()));
    let flat = elements().prop_map(|(element_type, elements)| array(element_type, &elements));
    let nested = flat.clone().prop_recursive(3, 16, 4, |inner| {
        prop::collection::vec(inner, 0..4).prop_map(|elements| array(ValueType::Array, &elements))
    });
    prop_oneof![scalar, flat, nested]
}

fn any_tensor() -> impl Strategy<Value = (Dims, GgmlType)> {
    (select(GgmlType::VARIANTS), 0u64..3, prop::collection::vec(0u64..3, 0..=3)).prop_map(
        |(ggml_type, blocks, rest)| {
            let ne = [&[blocks * ggml_type.block_elements()][..], &rest].concat();
            (Dims::new(&ne).unwrap(), ggml_type)
        },
    )
}

/// A payload that differs from tensor to tensor.
fn payload(name: &str, len: Bytes) -> Vec<u8> {
    name.bytes().chain([1]).cycle().take(len.0 as usize).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        values in prop::collection::btree_map("[a-z.]{1,12}", any_value(), 0..8),
        tensors in prop::collection::btree_map("[a-z.0-9]{0,12}", any_tensor(), 0..8),
        version in select(&[Version::V2, Version::V3]),
        alignment in prop::option::of(0u32..13),
    ) {
        let mut writer = Writer::new(version);
        for (key, value) in &values {
            writer.set(key, value.value());
        }
        if let Some(shift) = alignment {
            writer.set("general.alignment", Value::U32(1 << shift));
        }
        for (name, (dims, ggml_type)) in &tensors {
            writer.tensor(name, *dims, *ggml_type).unwrap();
        }
        let mut file = Vec::new();
        let len = writer
            .write(&mut file, |tensor, out| out.write_all(&payload(tensor.name, tensor.data.len)))
            .unwrap();
        prop_assert_eq!(len, Bytes(file.len() as u64));

        let gguf = Gguf::parse(&file).unwrap();
        prop_assert_eq!(gguf.version, version);
        prop_assert_eq!(gguf.alignment, Bytes(alignment.map_or(32, |shift| 1 << shift)));
        for (key, value) in &values {
            prop_assert_eq!(gguf.metadata.get(key), Some(value.value()));
        }
        prop_assert_eq!(&gguf.tensors, &writer.place().unwrap());
        for (read, (name, (dims, ggml_type))) in gguf.tensors.iter().zip(&tensors) {
            prop_assert_eq!((read.name, read.dims, read.ggml_type), (name.as_str(), *dims, *ggml_type));
            prop_assert_eq!(gguf.payload(read).unwrap(), payload(name, read.data.len));
        }
    }

    #[test]
    fn arrays_decode_to_what_was_pushed((element_type, elements) in elements()) {
        let owned = array(element_type, &elements);
        let Value::Array(array) = owned.value() else { unreachable!("made as one") };
        prop_assert_eq!(array.len(), elements.len());
        prop_assert!(array.iter().eq(elements.iter().map(Owned::value)));
    }
}
