//! The memory that answers are kept in: bounded, and what nobody asked for lately makes room.

use super::{Kept, Place};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// Answers of one URL that are told apart; the oldest makes room.
const MOST_OF_A_PLACE: usize = 32;

/// Kept answers by place.
#[derive(Debug)]
pub struct Store {
    most: usize,
    weight: usize,
    entries: HashMap<Arc<Place>, Entry>,
    /// The order in which room is made. A place that was removed is passed over by its entry's number.
    queue: VecDeque<(Arc<Place>, u64)>,
    next: u64,
}

#[derive(Debug)]
struct Entry {
    /// The youngest last.
    answers: Vec<Arc<Kept>>,
    number: u64,
    /// Asked for since its turn in the queue: has a second chance.
    is_used: bool,
}

impl Store {
    /// An empty one for so many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            weight: 0,
            entries: HashMap::new(),
            queue: VecDeque::new(),
            next: 0,
        }
    }

    /// The youngest answer of a place that `fits`.
    pub fn find(&mut self, place: &Place, fits: impl Fn(&Kept) -> bool) -> Option<Arc<Kept>> {
        let entry = self.entries.get_mut(place)?;
        let found = entry.answers.iter().rev().find(|kept| fits(kept)).cloned();
        entry.is_used |= found.is_some();
        found
    }

    /// Keeps an answer, in the place of one to the same questions.
    pub fn put(&mut self, place: &Place, kept: Kept) {
        let place = match self.entries.get_key_value(place) {
            Some((known, _)) => Arc::clone(known),
            None => self.make(place),
        };
        let Some(entry) = self.entries.get_mut(&place) else {
            return;
        };
        let before = weight(&entry.answers);
        entry.answers.retain(|old| !kept.replaces(old));
        if entry.answers.len() >= MOST_OF_A_PLACE {
            entry.answers.remove(0);
        }
        entry.answers.push(Arc::new(kept));
        self.weight = self.weight + weight(&entry.answers) - before;
        self.make_room();
    }

    fn make(&mut self, place: &Place) -> Arc<Place> {
        let place = Arc::new(place.clone());
        self.next += 1;
        let entry = Entry {
            answers: Vec::new(),
            number: self.next,
            is_used: false,
        };
        self.weight += place.weight();
        self.entries.insert(Arc::clone(&place), entry);
        self.queue.push_back((Arc::clone(&place), self.next));
        place
    }

    /// Forgets a place.
    pub fn remove(&mut self, place: &Place) {
        if let Some(entry) = self.entries.remove(place) {
            self.weight -= weight(&entry.answers) + place.weight();
        }
    }

    /// Forgets all places for which `keep` is false.
    pub fn retain(&mut self, keep: impl Fn(&Place) -> bool) {
        let weights = &mut self.weight;
        self.entries.retain(|place, entry| {
            let kept = keep(place);
            if !kept {
                *weights -= weight(&entry.answers) + place.weight();
            }
            kept
        });
        let entries = &self.entries;
        self.queue
            .retain(|(place, number)| entries.get(place).is_some_and(|entry| entry.number == *number));
    }

    fn make_room(&mut self) {
        while self.weight > self.most {
            let Some((place, number)) = self.queue.pop_front() else {
                return;
            };
            match self.entries.get_mut(&place) {
                Some(entry) if entry.number != number => {}
                Some(entry) if entry.is_used => {
                    entry.is_used = false;
                    self.queue.push_back((place, number));
                }
                Some(_) => self.remove(&place),
                None => {}
            }
        }
    }
}

fn weight(answers: &[Arc<Kept>]) -> usize {
    answers.iter().map(|kept| kept.weight()).sum()
}
