//! Sessions of two arms that are alike, under the noise of phones: whatever verdict they give is false.

use std::f64::consts::TAU;
use std::fmt;

use packbench_core::random::Random;
use packbench_core::stats::{Confidence, paired_ratio};

/// How the log of a run's time moves over a session.
#[derive(Clone, Copy, Debug)]
pub enum Noise {
    /// Independent, σ = 5 %.
    Normal,
    /// Independent, Student's t with 2 degrees of freedom times 2 %: infinite variance.
    HeavyTailed,
    /// A linear rise by 30 % over the session, and σ = 2 %.
    Drifting,
    /// Throttled by 40 % from a random run on and released at a later one, and σ = 2 %.
    Stepped,
    /// A stationary AR(1) process with coefficient 0.9, σ = 5 %.
    Autocorrelated,
}

impl Noise {
    /// Every model.
    pub const ALL: [Noise; 5] =
        [Noise::Normal, Noise::HeavyTailed, Noise::Drifting, Noise::Stepped, Noise::Autocorrelated];

    /// The log of the time that each of `runs` consecutive runs takes beyond its true one.
    fn draw(self, random: &mut Random, runs: usize) -> Vec<f64> {
        match self {
            Noise::Normal => (0..runs).map(|_| 0.05 * normal(random)).collect(),
            Noise::HeavyTailed => (0..runs).map(|_| 0.02 * student_2(random)).collect(),
            Noise::Drifting => {
                (0..runs).map(|run| 0.3 * run as f64 / runs as f64 + 0.02 * normal(random)).collect()
            }
            Noise::Stepped => stepped(random, runs),
            Noise::Autocorrelated => autocorrelated(random, runs),
        }
    }
}

impl fmt::Display for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Noise::Normal => "normal",
            Noise::HeavyTailed => "heavy-tailed",
            Noise::Drifting => "drifting",
            Noise::Stepped => "stepped",
            Noise::Autocorrelated => "autocorrelated",
        })
    }
}

/// Which arm runs first in a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Drawn for each block, as packbench does.
    Randomised,
    /// Always the base, as a loop over the arms does.
    Fixed,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Order::Randomised => "randomised",
            Order::Fixed => "fixed",
        })
    }
}

/// How many of `sessions` sessions, drawn from `seed`, have an interval that excludes 1 although the arms are alike.
pub fn false_verdicts(noise: Noise, order: Order, blocks: usize, sessions: u64, seed: u64) -> u64 {
    let is_false = |session| session_excludes_one(noise, order, blocks, Random::derived(seed, session));
    (0..sessions).filter(|&session| is_false(session)).count() as u64
}

fn session_excludes_one(noise: Noise, order: Order, blocks: usize, mut random: Random) -> bool {
    let times: Vec<f64> = noise.draw(&mut random, 2 * blocks).into_iter().map(f64::exp).collect();
    let (mut base, mut candidate) = (Vec::with_capacity(blocks), Vec::with_capacity(blocks));
    for block in times.chunks_exact(2) {
        let place = if order == Order::Fixed { 0 } else { random.permutation(2)[0] as usize };
        base.push(block[place]);
        candidate.push(block[1 - place]);
    }
    let found = paired_ratio(&base, &candidate, Confidence::P95).expect("times are positive and paired");
    found.interval.expect("sessions have 6 blocks or more").excludes_one()
}

/// Uniform in (0, 1]: 53 bits, never zero, so that it has a logarithm.
fn uniform(random: &mut Random) -> f64 {
    ((random.next_u64() >> 11) + 1) as f64 / (1_u64 << 53) as f64
}

/// Box–Muller.
fn normal(random: &mut Random) -> f64 {
    (-2.0 * uniform(random).ln()).sqrt() * (TAU * uniform(random)).cos()
}

/// Student's t with 2 degrees of freedom: a normal over the root of half a χ² of 2, which is exponential.
fn student_2(random: &mut Random) -> f64 {
    normal(random) / (-uniform(random).ln()).sqrt()
}

fn stepped(random: &mut Random, runs: usize) -> Vec<f64> {
    let mut edge = || uniform(random) * runs as f64;
    let edges = (edge(), edge());
    let throttled = edges.0.min(edges.1)..edges.0.max(edges.1);
    let level = |run: usize| if throttled.contains(&(run as f64)) { 1.4_f64.ln() } else { 0.0 };
    (0..runs).map(|run| level(run) + 0.02 * normal(random)).collect()
}

fn autocorrelated(random: &mut Random, runs: usize) -> Vec<f64> {
    const COEFFICIENT: f64 = 0.9;
    let innovation = (1.0 - COEFFICIENT * COEFFICIENT).sqrt();
    let mut level = normal(random);
    let mut step = || {
        level = COEFFICIENT * level + innovation * normal(random);
        0.05 * level
    };
    (0..runs).map(|_| step()).collect()
}
