//! The names and texts of a query or path, before they are deserialized.

use std::borrow::Cow;
use std::collections::BTreeMap;

use smallvec::SmallVec;
use trine_core::RouteCx;
use trine_core::param::{ParamLocation, decode};

use super::{Error, Why};

/// Owns the texts of a query or path while a type is deserialized from them.
pub(crate) struct Texts<'a> {
    location: ParamLocation,
    pairs: SmallVec<[Pair<'a>; 4]>,
}

/// All names with their texts, in order.
#[derive(Clone, Copy)]
pub(crate) struct Fields<'a> {
    pub(super) location: ParamLocation,
    pub(super) pairs: &'a [Pair<'a>],
}

/// One text with its name.
pub(super) struct Pair<'a> {
    pub(super) name: Cow<'a, str>,
    /// The decoded text; `None` if it is not percent-encoded UTF-8.
    pub(super) text: Option<Cow<'a, str>>,
    /// The text as it was sent.
    pub(super) raw: &'a str,
    /// The index of the first pair of this name.
    pub(super) head: usize,
    /// The index of the next pair of this name.
    pub(super) next: Option<usize>,
}

impl<'a> Texts<'a> {
    /// The parameters of a query, percent-encoded as browsers encode forms.
    pub(crate) fn of_query(query: &'a str) -> Result<Texts<'a>, Error> {
        let mut pairs = SmallVec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            // An absent text is sliced from the pair, so that no two texts have the same address:
            // notes refer to texts by address.
            let cut = pair.find('=').unwrap_or(pair.len());
            let (name, raw) = (&pair[..cut], pair.get(cut + 1..).unwrap_or(&pair[cut..]));
            let name = decode(name).ok_or_else(|| Error::of(Why::Names))?;
            let head = pairs.len();
            pairs.push(Pair { name, text: decode(raw), raw, head, next: None });
        }
        let mut texts = Texts { location: ParamLocation::Query, pairs };
        texts.link_repeated_names();
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
        Texts {
            location: ParamLocation::Path,
            pairs: (0..matched.params().len()).map(pair).collect(),
        }
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields { location: self.location, pairs: &self.pairs }
    }

    /// Links the pairs of one name.
    ///
    /// The client chooses how many names there are, so more than a few are not compared pairwise.
    fn link_repeated_names(&mut self) {
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

    /// This pair and the later ones of the same name.
    pub(super) fn from(self, index: usize) -> impl Iterator<Item = usize> + 'a {
        std::iter::successors(Some(index), move |&index| self.pairs[index].next)
    }

    /// The pair whose text is at this address.
    pub(super) fn at(self, address: usize) -> Option<usize> {
        let text = |pair: &Pair<'_>| pair.text.as_ref().map(|text| text.as_ptr().addr());
        self.pairs.iter().position(|pair| text(pair) == Some(address))
    }
}
