//! How many events are asked for at a time: fewer where a whole page is too long.

/// The size of the pages, halved for a page that is too long or takes the org too long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageSize {
    usual: u16,
    /// For the page that is being asked for.
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

    /// As it is once the page is got.
    pub(crate) fn restored(self) -> Self {
        Self::new(self.usual)
    }

    /// The page of `asked` events was too much; false if it could not be smaller.
    pub(crate) fn halve(&mut self, asked: usize) -> bool {
        let asked = u16::try_from(asked).unwrap_or(u16::MAX);
        if asked <= 1 {
            return false;
        }
        self.reduced = Some(asked / 2);
        true
    }

    /// The page was got; the next one is asked for as usual.
    pub(crate) fn restore(&mut self) {
        self.reduced = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_halved_down_to_one_event() {
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
