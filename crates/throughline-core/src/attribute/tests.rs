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
        for (place, ((key, value), (model_key, model_value))) in set.iter().zip(&model).enumerate() {
            prop_assert_eq!(key, *model_key);
            prop_assert_eq!(value.to_string(), ValueRef::from(*model_value).to_string());
            prop_assert!(set.is_at(place, key, ValueRef::from(*model_value)));
            prop_assert!(!set.is_at(place + 1, key, ValueRef::from(*model_value)));
        }
    }
}
