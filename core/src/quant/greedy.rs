//! Plans that no price was asked for: what the others are compared with.

use std::num::NonZero;

use super::knapsack::Choice;
use crate::random::Random;
use crate::unit::Bytes;

/// From the smallest choices up: the item of the highest score gets the largest that fits, then the next one. Choices
/// stand in the order of their bytes; together the smallest ones take at most `room`.
pub(super) fn by_score(items: &[Vec<Choice>], scores: &[f64], room: Bytes) -> Vec<usize> {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by(|&one, &other| scores[other].total_cmp(&scores[one]).then(one.cmp(&other)));
    let mut chosen = vec![0; items.len()];
    let mut left = room.0 - items.iter().map(|item| item[0].bytes.0).sum::<u64>();
    for item in order {
        let choices = &items[item];
        let fits = |choice: &Choice| choice.bytes.0 - choices[0].bytes.0 <= left;
        chosen[item] = choices.iter().rposition(fits).unwrap_or(0);
        left -= choices[chosen[item]].bytes.0 - choices[0].bytes.0;
    }
    chosen
}

/// Drawn choices, then one step down at a time for drawn items until they fit, and up while some step does.
pub(super) fn at_random(items: &[Vec<Choice>], seed: u64, room: Bytes) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut chosen: Vec<usize> = items.iter().map(|item| below(&mut random, item.len())).collect();
    let mut bytes: u64 = items.iter().zip(&chosen).map(|(item, &choice)| item[choice].bytes.0).sum();
    while bytes > room.0 {
        let lower = |item: &usize| chosen[*item] > 0;
        let Some(item) = draw(&mut random, items.len(), lower) else { break };
        bytes -= items[item][chosen[item]].bytes.0 - items[item][chosen[item] - 1].bytes.0;
        chosen[item] -= 1;
    }
    let step = |chosen: &[usize], item: usize| {
        let next = items[item].get(chosen[item] + 1)?;
        Some(next.bytes.0 - items[item][chosen[item]].bytes.0)
    };
    while let Some(item) =
        draw(&mut random, items.len(), |&item| step(&chosen, item).is_some_and(|more| more <= room.0 - bytes))
    {
        bytes += step(&chosen, item).unwrap_or(0);
        chosen[item] += 1;
    }
    chosen
}

/// One of those of `0..count` that `fits`.
fn draw(random: &mut Random, count: usize, fits: impl Fn(&usize) -> bool) -> Option<usize> {
    let candidates: Vec<usize> = (0..count).filter(fits).collect();
    let index = (!candidates.is_empty()).then(|| below(random, candidates.len()))?;
    Some(candidates[index])
}

fn below(random: &mut Random, count: usize) -> usize {
    random.below(NonZero::new(count as u64).unwrap_or(NonZero::<u64>::MIN)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items() -> Vec<Vec<Choice>> {
        let item =
            |sizes: &[u64]| sizes.iter().map(|&bytes| Choice { bytes: Bytes(bytes), loss: 0.0 }).collect();
        vec![item(&[1, 2, 5]), item(&[1, 2, 5]), item(&[2, 3])]
    }

    #[test]
    fn the_highest_score_is_served_first() {
        assert_eq!(by_score(&items(), &[1.0, 3.0, 2.0], Bytes(9)), [0, 2, 1]);
        assert_eq!(by_score(&items(), &[1.0, 3.0, 2.0], Bytes(4)), [0, 0, 0]);
    }

    #[test]
    fn what_is_drawn_fills_the_room_and_stays_within() {
        for seed in 0..50 {
            for room in 4..=13 {
                let (items, chosen) = (items(), at_random(&items(), seed, Bytes(room)));
                let bytes: u64 = items.iter().zip(&chosen).map(|(item, &choice)| item[choice].bytes.0).sum();
                assert!(bytes <= room);
                let more = items.iter().zip(&chosen).any(|(item, &choice)| {
                    item.get(choice + 1)
                        .is_some_and(|next| next.bytes.0 - item[choice].bytes.0 <= room - bytes)
                });
                assert!(!more, "seed {seed}, room {room}: a step still fits");
            }
        }
        assert_eq!(at_random(&items(), 1, Bytes(8)), at_random(&items(), 1, Bytes(8)));
    }
}
