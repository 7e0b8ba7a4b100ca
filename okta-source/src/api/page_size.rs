//! The page size to ask for, halved where a page is too large.

/// The size of the pages, halved for a page that is too long or takes the org too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    usual: u16,
    /// The size of the current request.
    reduced: Option<u16>,
}

impl PageSize {
    pub(crate) fn new(usual: u16) -> Self {
        Self {
            usual,
            reduced: None,
        }
    }

    /// The size to ask for where no link has one.
    pub(crate) fn get(self) -> u16 {
        self.reduced.unwrap_or(self.usual)
    }

    /// The size to ask for in place of that of a link.
    pub(crate) fn reduced(self) -> Option<u16> {
        self.reduced
    }

    /// The size after the page arrived.
    pub(crate) fn restored(self) -> Self {
        Self::new(self.usual)
    }

    /// The page of `asked` events was too large; false if it cannot be smaller.
    pub(crate) fn halve(&mut self, asked: usize) -> bool {
        let asked = u16::try_from(asked).unwrap_or(u16::MAX);
        if asked <= 1 {
            return false;
        }
        self.reduced = Some(asked / 2);
        true
    }

    /// The page arrived; the next request asks for the usual size.
    pub(crate) fn restore(&mut self) {
        self.reduced = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_size_is_halved_down_to_one_event() {
        let mut size = PageSize::new(1000);
        let mut asked = vec![size.get()];
        while size.halve(size.get().into()) {
            asked.push(size.get());
        }
        assert_eq!(asked, [1000, 500, 250, 125, 62, 31, 15, 7, 3, 1]);
        size.restore();
        assert_eq!((size.get(), size.reduced()), (1000, None));
    }
}
