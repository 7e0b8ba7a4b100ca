//! The containers around a place.

/// The containers around a place: a bit for each, the innermost lowest, 1 for an object. The highest, below a 1 that marks the
/// end, is the list whose elements are read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Nest(u64);

impl Nest {
    pub(super) const LIST: Self = Self(0b10);

    /// The kind of objects.
    pub(super) const OBJECT: u64 = 1;

    #[inline(always)]
    pub(super) fn is_list(self) -> bool {
        self == Self::LIST
    }

    /// An object in the list.
    #[inline(always)]
    pub(super) fn is_element(self) -> bool {
        self.0 == 0b101
    }

    /// An object that is a member of an object in the list.
    #[inline(always)]
    pub(super) fn is_in_element(self) -> bool {
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
