use opentelemetry::{Array, KeyValue, StringValue, Value};
use proptest::prelude::*;

use super::*;

fn set(pairs: &[(&str, Value)]) -> AttributeSet {
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| KeyValue::new((*k).to_owned(), v.clone())).collect();
    AttributeSet::new(pairs.as_slice())
}

#[test]
fn order_does_not_matter_and_the_last_of_equal_keys_wins() {
    let a = set(&[("b", 1.into()), ("a", "x".into()), ("b", 2.into())]);
    let b = set(&[("a", "x".into()), ("b", 2.into())]);
    assert_eq!(a, b);
    assert_eq!(a.len(), 2);
    assert_eq!(a.value("b"), Some(ValueRef::I64(2)));
}

#[test]
fn values_of_different_types_are_different() {
    let one = |v: Value| set(&[("k", v)]);
    assert_ne!(one(1.into()), one(1.0.into()));
    assert_ne!(one("1".into()), one(1.into()));
    assert_ne!(one(true.into()), one("true".into()));
    assert_eq!(one(f64::NAN.into()), one(f64::NAN.into()));
}

#[test]
fn arrays_show_as_json() {
    let words = Array::String(vec![StringValue::from("a\"b"), StringValue::from("c\n")]);
    let a = set(&[("k", Value::Array(words)), ("n", Value::Array(vec![1_i64, 2].into()))]);
    assert_eq!(a.to_string(), r#"{k=["a\"b","c\u000a"], n=[1,2]}"#);
}

#[test]
fn strange_text_survives() {
    let a = set(&[("", "\0".into()), ("ключ", "zero\u{200b}width".into())]);
    let pairs: Vec<_> = a.iter().map(|(k, v)| (k.to_owned(), v.to_string())).collect();
    assert_eq!(
        pairs,
        [(String::new(), "\0".to_owned()), ("ключ".to_owned(), "zero\u{200b}width".to_owned())]
    );
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<String>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(any::<i64>(), 0..4).prop_map(|v| Value::Array(v.into())),
        prop::collection::vec(any::<String>(), 0..4)
            .prop_map(|v| Value::Array(v.into_iter().map(StringValue::from).collect::<Vec<_>>().into())),
    ]
}

/// Values that are easily the same.
fn short_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[xy]{0,2}".prop_map(Value::from),
        (0..2_i64).prop_map(Value::from),
        (0..2_u8).prop_map(|v| Value::from(f64::from(v))),
        any::<bool>().prop_map(Value::from),
        prop::collection::vec(0..2_i64, 0..2).prop_map(|v| Value::Array(v.into())),
    ]
}

/// Lengths of one byte and of more, of keys, values and sets.
#[test]
fn attributes_of_any_length_are_kept_and_compared() {
    let mut encoder = AttributeEncoder::default();
    for (key, value) in [(0, 0), (127, 128), (254, 254), (254, 255), (255, 1), (300, 70_000)] {
        let given =
            |value: usize| [KeyValue::new("k".repeat(key), "v".repeat(value)), KeyValue::new("z", true)];
        let encoded = encoder.encode(&given(value)[..], |_| true);
        let (set, order) = (encoded.to_set(), encoded.order().expect("two different keys"));
        let read: Vec<_> = set.iter().map(|(key, value)| (key.len(), value.to_string().len())).collect();
        assert_eq!(read, [(key, value), (1, 4)]);
        assert!(set.is_same(order, &given(value)[..]));
        assert!(!set.is_same(order, &given(value + 1)[..]));
    }
    for count in [254, 255, 256, 1000] {
        let given: Vec<_> = (0..count).map(|n| KeyValue::new(format!("k{n}"), n)).collect();
        let set = AttributeSet::new(&given[..]);
        assert_eq!((set.len(), set.iter().count()), (count as usize, count as usize));
    }
}

proptest! {
    #[test]
    fn what_goes_in_comes_out(pairs in prop::collection::vec(("[a-e]{0,2}", any_value()), 0..8)) {
        let given: Vec<_> = pairs.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone())).collect();
        let set = AttributeSet::new(given.as_slice());
        let mut model = std::collections::BTreeMap::new();
        for pair in &given {
            model.insert(pair.key.as_str(), &pair.value);
        }
        prop_assert_eq!(set.len(), model.len());
        for ((key, value), (model_key, model_value)) in set.iter().zip(&model) {
            prop_assert_eq!(key, *model_key);
            prop_assert_eq!(value.to_string(), ValueRef::from(*model_value).to_string());
        }
    }

    /// Comparing in place says the same as making a set and comparing that, for equal sets and for neighbours.
    #[test]
    fn sets_are_the_same_as_what_they_were_made_of_alone(
        pairs in prop::collection::vec(("[a-c]{0,2}", short_value()), 0..5),
        others in prop::collection::vec(("[a-c]{0,2}", short_value()), 0..5),
        swap in any::<(usize, usize)>(),
    ) {
        let given: Vec<_> = pairs.iter().map(|(k, v)| KeyValue::new(k.clone(), v.clone())).collect();
        let mut encoder = AttributeEncoder::default();
        let encoded = encoder.encode(given.as_slice(), |_| true);
        let (set, order) = (encoded.to_set(), encoded.order());
        prop_assert_eq!(order.is_some(), set.len() == given.len());
        let Some(order) = order else { return Ok(()) };
        prop_assert!(set.is_same(order, &given));
        let mut swapped = given.clone();
        if !swapped.is_empty() {
            let len = swapped.len();
            swapped.swap(swap.0 % len, swap.1 % len);
        }
        let others: Vec<_> = others.into_iter().map(|(k, v)| KeyValue::new(k, v)).collect();
        for other in [swapped, others, given.iter().skip(1).cloned().collect()] {
            let same = encoder.encode(&other, |_| true);
            let expected = same.order() == Some(order) && same.bytes() == set.as_bytes();
            prop_assert_eq!(set.is_same(order, &other), expected);
        }
    }

    #[test]
    fn bytes_are_equal_when_all_of_them_are(text in "[ab]{0,40}", at in any::<usize>(), other in "[ab]{0,40}") {
        let mut changed = text.clone().into_bytes();
        if let Some(byte) = (!text.is_empty()).then(|| &mut changed[at % text.len()]) {
            *byte ^= 1;
        }
        prop_assert!(set::is_equal(text.as_bytes(), text.clone().as_bytes()));
        prop_assert_eq!(set::is_equal(text.as_bytes(), &changed), text.is_empty());
        prop_assert_eq!(set::is_equal(text.as_bytes(), other.as_bytes()), text == other);
    }
}
