//! Prices that change at random. The sequence is the same at each start.

use crate::Quote;

pub(crate) struct Market {
    prices: [(&'static str, u64); 8],
    chance: u64,
}

impl Market {
    pub(crate) fn open() -> Market {
        let prices = [
            ("ACME", 12_940),
            ("BOLT", 4_215),
            ("CRAB", 31_077),
            ("DUNE", 8_850),
            ("ECHO", 1_999),
            ("FERN", 15_420),
            ("GULL", 6_630),
            ("HALO", 22_305),
        ];
        Market { prices, chance: 0x9e37_79b9_7f4a_7c15 }
    }

    /// Changes the price of one stock by at most 2 % and returns its quote.
    pub(crate) fn next(&mut self) -> Quote {
        let which = usize::try_from(self.chance() % 8).unwrap_or(0);
        let permille = 980 + self.chance() % 41;
        let (symbol, price) = &mut self.prices[which];
        *price = (*price * permille / 1000).clamp(500, 99_999);
        Quote { symbol: (*symbol).to_owned(), price: *price }
    }

    fn chance(&mut self) -> u64 {
        self.chance ^= self.chance << 13;
        self.chance ^= self.chance >> 7;
        self.chance ^= self.chance << 17;
        self.chance >> 11
    }
}
