//! What an SVG is made of: valid XML whatever names are written into it.

use std::fmt::{self, Write};

/// A picture in the making: elements one after the other, numbers to a tenth of a pixel.
#[derive(Debug, Default)]
pub struct Canvas {
    svg: String,
}

/// Which way a text goes from its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Anchor {
    /// To the right.
    Start,
    /// Both ways.
    Middle,
    /// To the left.
    End,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Area {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

impl Area {
    pub fn bottom(self) -> f64 {
        self.top + self.height
    }

    pub fn middle(self) -> f64 {
        self.left + self.width / 2.0
    }
}

impl Canvas {
    /// A rectangle; `title` is shown where a pointer rests on it.
    pub fn area(&mut self, class: &str, area: Area, title: Option<&str>) {
        let Area { left, top, width, height } = area;
        self.push(format_args!(
            r#"<rect class="{class}" x="{left:.1}" y="{top:.1}" width="{width:.1}" height="{height:.1}""#
        ));
        match title {
            Some(title) => self.push(format_args!("><title>{}</title></rect>\n", Escaped(title))),
            None => self.push(format_args!("/>\n")),
        }
    }

    /// A line through points, from the first.
    pub fn path(&mut self, class: &str, path: &Path) {
        if !path.0.is_empty() {
            self.push(format_args!("<path class=\"{class}\" d=\"{}\"/>\n", path.0));
        }
    }

    /// A line of text.
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let text = Escaped(text);
        self.push(format_args!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{text}</text>\n"
        ));
    }

    /// A line of text that falls to the right.
    pub fn slanted(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        let text = Escaped(text);
        self.push(format_args!(
            "<text class=\"{class}\" transform=\"translate({x:.1} {y:.1}) rotate(35)\">{text}</text>\n"
        ));
    }

    /// The whole picture.
    pub fn finish(mut self, width: f64, height: f64, title: &str, style: &str) -> String {
        let opening = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
             width=\"{width:.0}\" height=\"{height:.0}\" role=\"img\">\n<title>{}</title>\n\
             <style>\n{style}</style>\n",
            Escaped(title)
        );
        self.svg.insert_str(0, &opening);
        self.svg + "</svg>\n"
    }

    fn push(&mut self, text: fmt::Arguments<'_>) {
        self.svg.write_fmt(text).expect("a String takes all that is written to it");
    }
}

/// A line in the making.
#[derive(Debug, Default)]
pub struct Path(String);

impl Path {
    /// Lifts the pen and puts it down there.
    pub fn move_to(&mut self, (x, y): (f64, f64)) {
        self.push(format_args!("M{x:.1} {y:.1}"));
    }

    /// Draws a straight line to there.
    pub fn line_to(&mut self, (x, y): (f64, f64)) {
        self.push(format_args!("L{x:.1} {y:.1}"));
    }

    /// Draws a curve to there that the two points between pull at.
    pub fn curve_to(&mut self, (ax, ay): (f64, f64), (bx, by): (f64, f64), (x, y): (f64, f64)) {
        self.push(format_args!("C{ax:.1} {ay:.1} {bx:.1} {by:.1} {x:.1} {y:.1}"));
    }

    /// Draws back to where the pen was put down.
    pub fn close(&mut self) {
        self.0.push('Z');
    }

    fn push(&mut self, text: fmt::Arguments<'_>) {
        self.0.write_fmt(text).expect("a String takes all that is written to it");
    }
}

/// Text as XML holds it. What XML can't hold at all, most control characters, is shown as such.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '&' => f.write_str("&amp;"),
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '"' => f.write_str("&quot;"),
            '\u{0}'..='\u{1f}' | '\u{7f}' | '\u{fffe}' | '\u{ffff}' => f.write_char('\u{fffd}'),
            letter => f.write_char(letter),
        })
    }
}
