//! Reads protobuf without a schema: field by field, and whatever is broken ends the message.
//!
//! The OTLP exporter reads answers with it, and requests that have to be split; `throughline doctor run` reads what others send.
#![expect(clippy::exhaustive_structs, clippy::exhaustive_enums, reason = "the wire format is what it is")]

/// The fields of a protobuf message, in the order they are written; `None` ends it where it cannot be read. Allocates nothing.
///
/// ```
/// use throughline_core::protobuf::Fields;
///
/// let message = [0x08, 42, 0x12, 2, b'h', b'i'];
/// let texts: Vec<String> = Fields(&message).flatten().filter_map(|field| field.text(2)).collect();
/// assert_eq!(texts, ["hi"]);
/// assert!(Fields(&message[..5]).any(|field| field.is_none()), "it breaks off");
/// ```
#[derive(Clone, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

/// One field.
#[derive(Clone, Copy, Debug)]
pub struct Field<'a> {
    /// Its number in the schema.
    pub number: u64,
    /// What it holds.
    pub value: Value<'a>,
    /// All of it, as it is written.
    pub written: &'a [u8],
}

/// What a field holds, as far as it is told without a schema.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A varint.
    Number(u64),
    /// A text, bytes or a message; or the four or eight bytes of a fixed number.
    Bytes(&'a [u8]),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<Field<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<Field<'a>> {
        let before = self.0;
        let key = self.varint()?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Bytes(self.take(8)?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => Value::Bytes(self.take(4)?),
            _ => return None,
        };
        let written = &before[..before.len() - self.0.len()];
        Some(Field { number: key >> 3, value, written })
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?[0];
            value |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Field<'a> {
    /// The bytes in it, if this is its number.
    pub fn bytes(self, number: u64) -> Option<&'a [u8]> {
        match self.value {
            Value::Bytes(bytes) if self.number == number => Some(bytes),
            _ => None,
        }
    }

    /// The text in it, if this is its number; what is no UTF-8 is replaced.
    pub fn text(self, number: u64) -> Option<String> {
        self.bytes(number).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    /// The varint in it, if this is its number.
    pub fn number(self, number: u64) -> Option<u64> {
        match self.value {
            Value::Number(value) if self.number == number => Some(value),
            _ => None,
        }
    }
}
