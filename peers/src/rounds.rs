//! Arms that take turns, so that what drifts in the machine meets all of them alike.

use anyhow::Result;
use packbench_core::random::Random;
use packbench_core::unit::Nanos;

/// One side of a comparison: does its work for the round of that number and tells how long it took.
pub type Arm<'a> = &'a mut dyn FnMut(u32) -> Result<Nanos>;

/// How often, and in which orders.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// Rounds that are kept.
    pub rounds: u32,
    /// Decides every order: of the arms, and of what they access.
    pub seed: u64,
}

/// Runs every arm once a round, in an order drawn anew for each, and gives back what each took, round by round.
///
/// A round before the first isn't kept: it pays for what the others find done.
pub fn alternate<const N: usize>(plan: Plan, arms: [Arm; N]) -> Result<[Vec<Nanos>; N]> {
    let mut samples = [const { Vec::new() }; N];
    let mut order: [usize; N] = std::array::from_fn(|arm| arm);
    let mut random = Random::new(plan.seed);
    for round in 0..=plan.rounds {
        random.shuffle(&mut order);
        for arm in order {
            let took = arms[arm](round)?;
            if round > 0 {
                samples[arm].push(took);
            }
        }
    }
    Ok(samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_runs_once_a_round_and_the_order_is_not_always_the_same() {
        let ran = std::cell::RefCell::new(Vec::new());
        let arm = |name: &'static str| {
            let ran = &ran;
            move |round: u32| {
                ran.borrow_mut().push((round, name));
                Ok(Nanos(u64::from(round)))
            }
        };
        let samples = alternate(Plan { rounds: 20, seed: 1 }, [&mut arm("a"), &mut arm("b")]).unwrap();
        assert!(samples.iter().all(|samples| samples.iter().map(|ns| ns.0).eq(1..=20)));
        let ran = ran.into_inner();
        assert!(ran.chunks(2).all(|round| round[0].0 == round[1].0 && round[0].1 != round[1].1));
        let first = |name| ran.chunks(2).filter(|round| round[0].1 == name).count();
        assert!(first("a") > 4 && first("b") > 4);
    }
}
