//! Sums, many numbers at a time: one after the other, each would wait for the last.

const LANES: usize = 16;

/// Σ x.
#[inline(always)]
pub fn sum(x: &[f32]) -> f32 {
    let (lanes, rest) = x.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for lane in lanes {
        sums.iter_mut().zip(lane).for_each(|(sum, x)| *sum += x);
    }
    sums.iter().chain(rest).sum()
}

/// Σ x · y.
#[inline(always)]
pub fn dot(x: &[f32], y: &[f32]) -> f32 {
    let ((x_lanes, x_rest), (y_lanes, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (x, y) in x_lanes.iter().zip(y_lanes) {
        sums.iter_mut().zip(x.iter().zip(y)).for_each(|(sum, (x, y))| *sum += x * y);
    }
    sums.iter().sum::<f32>() + x_rest.iter().zip(y_rest).map(|(x, y)| x * y).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_double_precision() {
        let x: Vec<f32> = (0..37).map(|index| index as f32 / 7.0 - 2.0).collect();
        let y: Vec<f32> = x.iter().map(|x| 1.5 - x).collect();
        let expected: f64 = x.iter().map(|&x| f64::from(x)).sum();
        assert!((f64::from(sum(&x)) - expected).abs() < 1e-4);
        let expected: f64 = x.iter().zip(&y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
        assert!((f64::from(dot(&x, &y)) - expected).abs() < 1e-4);
    }
}
