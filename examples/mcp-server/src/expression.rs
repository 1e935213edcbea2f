//! Arithmetic: `1 + 2 * (3 - 4)`.
//!
//! What comes in is a stranger's, so depth is limited; length is, by the interceptors.

/// How deep parentheses may be: each level is a few frames of the stack.
const DEPTH_MAX: usize = 64;

/// The value, or what is wrong with the expression.
pub(crate) fn evaluate(text: &str) -> Result<f64, String> {
    let mut parser = Parser { text: text.as_bytes(), at: 0, depth: 0 };
    let value = parser.sum()?;
    parser.skip_space();
    match parser.text.get(parser.at) {
        None if value.is_finite() => Ok(value),
        None => Err("the value is not a number".to_owned()),
        Some(_) => Err(parser.wrong("an operator")),
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    depth: usize,
}

impl Parser<'_> {
    fn sum(&mut self) -> Result<f64, String> {
        let mut value = self.product()?;
        while let Some(operator) = self.one_of(b"+-") {
            let other = self.product()?;
            value += if operator == b'+' { other } else { -other };
        }
        Ok(value)
    }

    fn product(&mut self) -> Result<f64, String> {
        let mut value = self.factor()?;
        while let Some(operator) = self.one_of(b"*/") {
            let other = self.factor()?;
            if operator == b'*' {
                value *= other;
            } else if other == 0.0 {
                return Err("a division by zero".to_owned());
            } else {
                value /= other;
            }
        }
        Ok(value)
    }

    fn factor(&mut self) -> Result<f64, String> {
        let mut sign = 1.0;
        while let Some(operator) = self.one_of(b"+-") {
            sign = if operator == b'-' { -sign } else { sign };
        }
        if self.one_of(b"(").is_none() {
            return Ok(sign * self.number()?);
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(format!("more than {DEPTH_MAX} parentheses in each other"));
        }
        let value = self.sum()?;
        self.depth -= 1;
        self.one_of(b")").ok_or_else(|| self.wrong("`)`"))?;
        Ok(sign * value)
    }

    fn number(&mut self) -> Result<f64, String> {
        self.skip_space();
        let is_part = |byte: &&u8| byte.is_ascii_digit() || **byte == b'.';
        let length = self.text[self.at..].iter().take_while(is_part).count();
        let digits = std::str::from_utf8(&self.text[self.at..self.at + length]).unwrap_or_default();
        let number = digits.parse().map_err(|_none: std::num::ParseFloatError| self.wrong("a number"))?;
        self.at += length;
        Ok(number)
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        self.skip_space();
        let byte = *self.text.get(self.at).filter(|byte| bytes.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    fn skip_space(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn wrong(&self, wanted: &str) -> String {
        format!("{wanted} is wanted at byte {}", self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::evaluate;

    #[test]
    fn expressions_have_values() {
        for (text, value) in [("1+2*3", 7.0), ("(1 + 2) * -3", -9.0), (" 10 / 4 - .5", 2.0), ("--1", 1.0)] {
            assert_eq!(evaluate(text), Ok(value), "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        let deep = "(".repeat(100_000);
        for text in ["", "1 +", "1 / 0", "(1", "1 2", "a", "1..2", &deep] {
            assert!(evaluate(text).is_err(), "{text}");
        }
    }
}
