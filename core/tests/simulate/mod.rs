//! Sessions of arms whose ratio is known, under the noise of phones.
#![allow(dead_code, reason = "each test and bench takes its part")]

use std::f64::consts::TAU;
use std::fmt;

pub use packbench_core::random::Random;
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
    let excludes_one = |session| {
        let (base, candidate) = arms(noise, order, blocks, 1.0, &mut Random::derived(seed, session));
        let found = paired_ratio(&base, &candidate, Confidence::P95).expect("times are positive and paired");
        found.interval.expect("sessions have 6 blocks or more").excludes(1.0)
    };
    (0..sessions).filter(|&session| excludes_one(session)).count() as u64
}

/// The times of base and candidate, block by block, of a session in which the candidate takes `ratio` times what the base
/// takes.
pub fn arms(
    noise: Noise,
    order: Order,
    blocks: usize,
    ratio: f64,
    random: &mut Random,
) -> (Vec<f64>, Vec<f64>) {
    let runs = session(noise, order, 2, blocks, random);
    runs.into_iter().map(|block| (block[0], ratio * block[1])).unzip()
}

/// The times of `arms` arms that are alike, block by block.
pub fn session(noise: Noise, order: Order, arms: usize, blocks: usize, random: &mut Random) -> Vec<Vec<f64>> {
    let times: Vec<f64> = noise.draw(random, arms * blocks).into_iter().map(f64::exp).collect();
    let in_order = |times: &[f64]| {
        let places: Vec<usize> = match order {
            Order::Fixed => (0..arms).collect(),
            Order::Randomised => {
                random.permutation(arms as u32).into_iter().map(|place| place as usize).collect()
            }
        };
        places.into_iter().map(|place| times[place]).collect()
    };
    times.chunks_exact(arms).map(in_order).collect()
}

/// A number from 1 on whose log is normal with deviation ½: what a mean is hard to tell of.
pub fn log_normal(random: &mut Random) -> f64 {
    (0.5 * normal(random)).exp()
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
