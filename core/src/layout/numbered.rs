//! The names that tools give to the files of a model that was cut: `PREFIX-00001-of-00003.gguf`.

/// The name of one file among several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbered<'a> {
    pub(super) prefix: &'a str,
    /// From 1.
    pub(super) number: u32,
    pub(super) count: u32,
    pub(super) extension: &'a str,
}

impl<'a> Numbered<'a> {
    /// Takes a file's name apart; `None` when it isn't of this form.
    pub(super) fn parse(name: &'a str) -> Option<Self> {
        let (stem, extension) = name.rsplit_once('.')?;
        let (stem, count) = stem.rsplit_once("-of-")?;
        let (prefix, number) = stem.rsplit_once('-')?;
        let (number, count) = (five_digits(number)?, five_digits(count)?);
        (1..=count).contains(&number).then_some(Numbered { prefix, number, count, extension })
    }

    /// The names of all files, in order.
    pub(super) fn names(self) -> impl Iterator<Item = String> {
        let Numbered { prefix, count, extension, .. } = self;
        (1..=count).map(move |number| format!("{prefix}-{number:05}-of-{count:05}.{extension}"))
    }
}

fn five_digits(text: &str) -> Option<u32> {
    (text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_others() {
        let name = "m-of-v2-00002-of-00003.gguf";
        let numbered = Numbered::parse(name).unwrap();
        assert_eq!((numbered.prefix, numbered.number, numbered.count), ("m-of-v2", 2, 3));
        let names: Vec<String> = numbered.names().collect();
        assert_eq!(names, ["m-of-v2-00001-of-00003.gguf", name, "m-of-v2-00003-of-00003.gguf"]);
        for other in [
            "m.gguf",
            "m-00004-of-00003.gguf",
            "m-00000-of-00003.gguf",
            "m-1-of-3.gguf",
            "m-+0001-of-00003.gguf",
        ] {
            assert_eq!(Numbered::parse(other), None, "{other}");
        }
    }
}
