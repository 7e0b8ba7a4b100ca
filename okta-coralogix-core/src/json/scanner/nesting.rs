//! The containers around a position, as a stack of bits.

/// The containers around a position: a bit for each, the innermost lowest, 1 for an object. The highest, below a 1 that marks the
/// end, is the list that is scanned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Nesting(u64);

impl Nesting {
    pub(super) const LIST: Self = Self(0b10);

    /// The kind of objects.
    pub(crate) const OBJECT: u64 = 1;

    /// True between the elements of the list.
    #[inline(always)]
    pub(crate) fn is_list(self) -> bool {
        self == Self::LIST
    }

    /// True in an object of the list.
    #[inline(always)]
    pub(crate) fn is_element(self) -> bool {
        self.0 == 0b101
    }

    /// True in an object that is a member of an object of the list.
    #[inline(always)]
    pub(crate) fn is_in_element(self) -> bool {
        self.0 == 0b1011
    }

    /// The kind of the innermost container: [`OBJECT`](Self::OBJECT), or 0 for an array.
    #[inline(always)]
    pub(super) fn kind(self) -> u64 {
        self.0 & 1
    }

    /// `None` below 62 levels.
    #[inline(always)]
    pub(super) fn push(self, kind: u64) -> Option<Self> {
        (self.0 >> 62 == 0).then_some(Self(self.0 << 1 | kind))
    }

    /// `None` if the innermost container is of the other kind, or the list.
    #[inline(always)]
    pub(super) fn pop(self, kind: u64) -> Option<Self> {
        (self.kind() == kind && !self.is_list()).then_some(Self(self.0 >> 1))
    }
}
