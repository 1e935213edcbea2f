//! The cases of the W3C's test suite for Baggage, by its names, and what they leave open.

use throughline_core::propagation::{
    BAGGAGE_BYTES_MAX, BAGGAGE_MEMBERS_MAX, BaggageExt as _, BaggageItem, Context, Format, Rejected,
    baggage_items,
};

use crate::support::{Pairs, extract, header_map, inject, pairs};

type Item<'a> = (&'a str, &'a str, &'a str);

/// The items that are read, in the order of their keys.
fn read(headers: &[&str]) -> Vec<(String, String, String)> {
    let headers: Vec<_> = headers.iter().map(|header| ("baggage", *header)).collect();
    let context = extract(Format::Baggage, &headers);
    let mut items: Vec<_> = baggage_items(&context)
        .map(|item| (item.key().to_owned(), item.value().to_owned(), item.metadata().to_owned()))
        .collect();
    items.sort();
    items
}

#[track_caller]
fn check(name: &str, header: &str, expected: &[Item<'_>]) {
    let expected: Vec<_> =
        expected.iter().map(|(a, b, c)| ((*a).to_owned(), (*b).to_owned(), (*c).to_owned())).collect();
    assert_eq!(read(&[header]), expected, "{name}: {header}");
}

/// What is sent for these items.
fn sent(items: impl IntoIterator<Item = BaggageItem<'static>>) -> Option<String> {
    let context = Context::new().with_baggage(items);
    let mut headers = inject(Format::Baggage, &context).into_iter();
    let header = headers.next();
    assert!(headers.next().is_none(), "one header at most");
    header.map(|(name, value)| {
        assert_eq!(name, "baggage");
        value
    })
}

#[test]
fn baggage_is_parsed() {
    check("ctor_default", "", &[]);
    check("parse_simple", "SomeKey=SomeValue", &[("SomeKey", "SomeValue", "")]);
    check(
        "parse_multiple",
        "SomeKey=SomeValue;SomeProp,SomeKey2=SomeValue2;ValueProp=PropVal",
        &[("SomeKey", "SomeValue", "SomeProp"), ("SomeKey2", "SomeValue2", "ValueProp=PropVal")],
    );
    check(
        "parse_multiple_ows",
        "SomeKey \t = \t SomeValue \t ; \t SomeProp \t , \t SomeKey2 \t = \t SomeValue2 \t ; \t ValueProp \t = \t PropVal",
        &[("SomeKey", "SomeValue", "SomeProp"), ("SomeKey2", "SomeValue2", "ValueProp=PropVal")],
    );
    check(
        "parse_multiple_kv_property",
        "SomeKey=SomeValue;SomePropKey=SomePropValue,SomeKey2=SomeValue2;SomePropKey2=SomePropValue2",
        &[
            ("SomeKey", "SomeValue", "SomePropKey=SomePropValue"),
            ("SomeKey2", "SomeValue2", "SomePropKey2=SomePropValue2"),
        ],
    );
    check(
        "the specification's example",
        "key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue",
        &[
            ("key1", "value1", "property1;property2"),
            ("key2", "value2", ""),
            ("key3", "value3", "propertyKey=propertyValue"),
        ],
    );
}

#[test]
fn entries_are_parsed() {
    check("parse_multiple_equals", "SomeKey=SomeValue=equals", &[("SomeKey", "SomeValue=equals", "")]);
    check("parse_property", "SomeKey=SomeValue;SomeProp", &[("SomeKey", "SomeValue", "SomeProp")]);
    for header in [
        "SomeKey=SomeValue;SomeProp;SecondProp=PropValue",
        "SomeKey \t = \t SomeValue \t ; \t SomeProp \t ; \t SecondProp \t = \t PropValue",
        "SomeKey=SomeValue;;SomeProp; ;SecondProp=PropValue;",
    ] {
        check("parse_multi_property", header, &[("SomeKey", "SomeValue", "SomeProp;SecondProp=PropValue")]);
    }
    check("parse_kv_property", "SomeKey=SomeValue;K=V", &[("SomeKey", "SomeValue", "K=V")]);
    check("a property with an empty value", "SomeKey=SomeValue;K=", &[("SomeKey", "SomeValue", "K=")]);
    check("an empty value", "SomeKey=", &[("SomeKey", "", "")]);
}

#[test]
fn percent_encoding_goes_both_ways() {
    let value = "\t \"';=asdf!@#$%^&*()";
    let encoded = "%09%20%22%27%3B%3Dasdf%21%40%23%24%25%5E%26%2A%28%29";
    check("parse_percent_encoded", &format!("SomeKey={encoded}"), &[("SomeKey", value, "")]);
    check("parse_percent_encoded_ows", &format!("SomeKey \t = \t {encoded} \t "), &[("SomeKey", value, "")]);
    let header = sent([BaggageItem::new("SomeKey", value)]).unwrap();
    assert_eq!(header, "SomeKey=%09%20%22'%3B%3Dasdf!@#$%25^&*()", "only what has to be is encoded");
    check("back again", &header, &[("SomeKey", value, "")]);
}

#[test]
fn every_character_that_is_no_baggage_octet_is_encoded() {
    for character in (0..=0x2_00).filter_map(char::from_u32) {
        let header = sent([BaggageItem::new("k", character.to_string())]).unwrap();
        let text = header.strip_prefix("k=").unwrap();
        let is_octet = matches!(character, '!' | '#'..='+' | '-'..=':' | '<'..='[' | ']'..='~');
        assert_eq!(
            text == character.to_string(),
            is_octet && !matches!(character, '%' | '='),
            "{character:?}"
        );
        assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && !b",;\"\\".contains(&byte)), "{text}");
        check("back again", &header, &[("k", &character.to_string(), "")]);
    }
}

#[test]
fn what_is_not_utf8_is_replaced() {
    check("invalid", "k=a%FFb", &[("k", "a\u{fffd}b", "")]);
    check("cut short", "k=%E2%82", &[("k", "\u{fffd}", "")]);
    check("no encoding at all", "k=100%,l=%zz,m=%4", &[("k", "100%", ""), ("l", "%zz", ""), ("m", "%4", "")]);
    let raw: &[(&str, &[u8])] = &[("baggage", b"k=\xff")];
    let context = Format::Baggage.extract(&Context::new(), raw);
    assert_eq!(context.baggage().get("k").unwrap().as_str(), "\u{fffd}");
}

#[test]
fn keys_are_tokens_and_nothing_is_decoded_in_them() {
    check("a percent sign is a character of tokens", "a%20b=1", &[("a%20b", "1", "")]);
    check("all of them", "!#$%&'*+-.^_`|~09azAZ=1", &[("!#$%&'*+-.^_`|~09azAZ", "1", "")]);
    let before = Rejected::BaggageMember.count();
    for key in ["", "a b", "a(b", "a\"b", "a/b", "é", "a@b", "[a]"] {
        check("no token", &format!("{key}=1,ok=2"), &[("ok", "2", "")]);
    }
    for member in ["key", "=", ";", "key;a=b", "=v"] {
        check("no pair", &format!("{member},ok=2"), &[("ok", "2", "")]);
    }
    assert!(Rejected::BaggageMember.count() >= before + 13, "each is counted");
}

#[test]
fn several_headers_are_one_list_and_the_last_of_a_key_counts() {
    assert_eq!(
        read(&["a=1", "", "b=2,a=3"]),
        [("a".into(), "3".into(), String::new()), ("b".into(), "2".into(), String::new())]
    );
}

#[test]
fn serialize_at_least_64() {
    let items = (0..64).map(|at| BaggageItem::new(format!("key{at}"), "value"));
    assert_eq!(sent(items).unwrap().split(',').count(), 64);

    let list: Vec<String> = (0..BAGGAGE_MEMBERS_MAX + 9).map(|at| format!("key{at}=value")).collect();
    let before = Rejected::BaggageLimit.count();
    assert_eq!(read(&[&list.join(",")]).len(), BAGGAGE_MEMBERS_MAX);
    assert!(Rejected::BaggageLimit.count() >= before + 9, "what is beyond the limit is counted");
}

#[test]
fn serialize_long_entry() {
    let value = "0123456789".repeat(819);
    let header = sent([BaggageItem::new("a", value.clone())]).unwrap();
    assert_eq!(header.len(), BAGGAGE_BYTES_MAX);
    check("read again", &header, &[("a", &value, "")]);
    check("one byte more", &format!("{header}0"), &[]);
}

#[test]
fn members_beyond_the_limit_of_bytes_are_left_out_as_a_whole() {
    let value = "x".repeat(BAGGAGE_BYTES_MAX - 6);
    let large = format!("a={value}");
    check("fits", &format!("{large},b=1"), &[("a", &value, ""), ("b", "1", "")]);
    check("does not", &format!("{large},b=12"), &[("a", &value, "")]);
    assert_eq!(read(&[&large, "b=1"]).len(), 2, "several headers are as long as their list");
    assert_eq!(read(&[&large, "b=12"]).len(), 1);
    assert_eq!(read(&[&large, "bb=1", "c=1"]).len(), 1);
}

#[test]
fn what_encoding_makes_too_long_is_left_out_and_the_rest_is_sent() {
    let before = Rejected::BaggageLimit.count();
    let letters = BAGGAGE_BYTES_MAX / "%C3%A9".len();
    let header = sent([
        BaggageItem::new("a", "é".repeat(letters + 1)),
        BaggageItem::new("b", "1"),
        BaggageItem::new("c", "é".repeat(letters / 2)),
    ])
    .unwrap();
    assert!(header.starts_with("b=1,c=%C3%A9") && header.len() <= BAGGAGE_BYTES_MAX, "{}", header.len());
    assert!(Rejected::BaggageLimit.count() > before);
}

#[test]
fn equal_baggage_makes_equal_headers() {
    let items = || (0..20).map(|at| BaggageItem::new(format!("k{at:02}"), "v").with_metadata("p"));
    let header = sent(items()).unwrap();
    assert_eq!(sent(items().rev()), Some(header.clone()));
    assert!(header.starts_with("k00=v;p,k01=v;p,"));
}

#[test]
fn metadata_cannot_break_out_of_its_member() {
    let header = sent([BaggageItem::new("a", "1").with_metadata("p=1,evil=2\r\nx: y\"\\é")]).unwrap();
    assert_eq!(header, "a=1;p=1%2Cevil=2%0D%0Ax:%20y%22%5C%C3%A9");
    assert_eq!(read(&[&header]).len(), 1);
    let before = Rejected::BaggageMember.count();
    check("control characters", "a=1\r\nb,c=3;p\0,d=4", &[("d", "4", "")]);
    assert!(Rejected::BaggageMember.count() >= before + 2);
}

#[test]
fn headers_of_a_previous_hop_say_what_the_context_says() {
    let received = [("baggage", "tenant=1"), ("baggage", "plan=gold")];
    let mut map = header_map(&received);
    let mut list: Pairs = pairs(&received);
    let context = Context::new().with_baggage([BaggageItem::new("own", "2")]);
    Format::Baggage.inject(&context, &mut map);
    Format::Baggage.inject(&context, &mut list);
    assert_eq!(map, header_map(&[("baggage", "own=2")]));
    assert_eq!(list, pairs(&[("baggage", "own=2")]));

    let cleared = context.with_cleared_baggage();
    Format::Baggage.inject(&cleared, &mut map);
    Format::Baggage.inject(&cleared, &mut list);
    assert!(map.is_empty() && list.is_empty(), "cleared baggage does not leave");
}

#[test]
fn a_header_with_nothing_valid_leaves_the_context_its_baggage() {
    let own = Context::new().with_baggage([BaggageItem::new("own", "2")]);
    let context = Format::Baggage.extract(&own, &pairs(&[("baggage", ",;=,")]));
    assert_eq!(baggage_items(&context).collect::<Vec<_>>(), [BaggageItem::new("own", "2")]);
}
