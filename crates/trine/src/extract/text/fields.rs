//! The texts of a request by their names, before a type sees them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use smallvec::SmallVec;
use trine_core::RouteCx;
use trine_core::param::{ParamLocation, decode};

use super::{Error, Why};

/// What holds the texts of a query or of a path while a type is made of them.
pub(crate) struct Texts<'a> {
    place: ParamLocation,
    pairs: SmallVec<[Pair<'a>; 4]>,
}

/// All texts, in their order.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(super) place: ParamLocation,
    pub(super) pairs: &'a [Pair<'a>],
}

/// One text with its name.
pub(super) struct Pair<'a> {
    pub(super) name: Cow<'a, str>,
    /// Decoded; `None` where it is no percent-encoded UTF-8.
    pub(super) text: Option<Cow<'a, str>>,
    /// As it came.
    pub(super) raw: &'a str,
    /// The first of this name.
    pub(super) head: usize,
    /// The next of this name.
    pub(super) next: Option<usize>,
}

impl<'a> Texts<'a> {
    /// The fields of a query, which is percent-encoded as browsers do.
    pub(crate) fn of_query(query: &'a str) -> Result<Texts<'a>, Error> {
        let mut pairs = SmallVec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            // Cut out of the pair, so that no two texts lie at one address: notes are found by it.
            let cut = pair.find('=').unwrap_or(pair.len());
            let (name, raw) = (&pair[..cut], pair.get(cut + 1..).unwrap_or(&pair[cut..]));
            let name = decode(name).ok_or_else(|| Error::of(Why::Names))?;
            let head = pairs.len();
            pairs.push(Pair { name, text: decode(raw), raw, head, next: None });
        }
        let mut texts = Texts { place: ParamLocation::Query, pairs };
        texts.group();
        Ok(texts)
    }

    /// The parameters of a path.
    pub(crate) fn of_path(matched: &'a RouteCx) -> Texts<'a> {
        let names = matched.route().map_or(&[][..], |route| &route.params);
        let pair = |index: usize| {
            let raw = matched.params().get(index).unwrap_or_default();
            let name = names.get(index).map_or("", String::as_str);
            let text = percent_encoding::percent_decode_str(raw).decode_utf8().ok();
            Pair { name: Cow::Borrowed(name), text, raw, head: index, next: None }
        };
        Texts { place: ParamLocation::Path, pairs: (0..matched.params().len()).map(pair).collect() }
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields { place: self.place, pairs: &self.pairs }
    }

    // A client chooses how many names there are: beyond a few they are not compared each with each.
    fn group(&mut self) {
        const FEW: usize = 16;
        if self.pairs.len() <= FEW {
            for index in 1..self.pairs.len() {
                let (before, pair) = self.pairs.split_at_mut(index);
                if let Some(last) = before.iter_mut().rev().find(|last| last.name == pair[0].name) {
                    (last.next, pair[0].head) = (Some(index), last.head);
                }
            }
            return;
        }
        let mut last: BTreeMap<&str, usize> = BTreeMap::new();
        let same: Vec<Option<usize>> = self
            .pairs
            .iter()
            .enumerate()
            .map(|(index, pair)| last.insert(&pair.name, index))
            .collect();
        for (index, last) in same.into_iter().enumerate() {
            if let Some(last) = last {
                self.pairs[last].next = Some(index);
                self.pairs[index].head = self.pairs[last].head;
            }
        }
    }
}

impl<'a> Fields<'a> {
    pub(crate) fn len(self) -> usize {
        self.pairs.len()
    }

    /// All that came under the name of this pair, from it on.
    pub(super) fn from(self, index: usize) -> impl Iterator<Item = usize> + 'a {
        std::iter::successors(Some(index), move |&index| self.pairs[index].next)
    }

    /// The pair whose text lies at this address.
    pub(super) fn at(self, address: usize) -> Option<usize> {
        let text = |pair: &Pair<'_>| pair.text.as_ref().map(|text| text.as_ptr().addr());
        self.pairs.iter().position(|pair| text(pair) == Some(address))
    }
}
