//! The two sheets that every plot is drawn on: a wide one for screens and paper, a narrow one for phones. Text has the same
//! size on both in drawing units, so a narrow sheet that fills a phone's width can still be read.

/// A sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetSize {
    Wide,
    Narrow,
}

impl SheetSize {
    /// Both, with the class by which the page's style shows one of them.
    pub const ALL: [(SheetSize, &'static str); 2] = [(SheetSize::Wide, "wide"), (SheetSize::Narrow, "narrow")];

    /// In drawing units. A page shows some 1000 pixels of the wide one, a phone 360 of the narrow one.
    pub const fn width(self) -> i32 {
        match self {
            SheetSize::Wide => 1800,
            SheetSize::Narrow => 760,
        }
    }

    /// Where a time axis starts, right of the numbers of the other axis.
    pub const fn left(self) -> i32 {
        match self {
            SheetSize::Wide => 200,
            SheetSize::Narrow => 116,
        }
    }

    /// Where it starts right of the rows' names.
    pub const fn left_of_names(self) -> i32 {
        200
    }

    /// Where it ends.
    pub const fn right(self) -> i32 {
        self.width() - 24
    }

    /// How many times fewer bins than on the wide sheet there are, since there is less room.
    pub const fn coarser(self) -> usize {
        match self {
            SheetSize::Wide => 1,
            SheetSize::Narrow => 4,
        }
    }
}
