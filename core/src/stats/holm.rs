/// Which of several hypotheses are rejected so that the chance of even one false rejection is at most `alpha`, whatever
/// their p-values have to do with each other.
///
/// ```text
/// p₍₁₎ ≤ p₍₂₎ ≤ …:   p₍ᵢ₎ is rejected while p₍ⱼ₎ ≤ alpha / (m − j + 1) for all j ≤ i
/// ```
/// S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics 6(2), 1979.
pub fn holm(p_values: &[f64], alpha: f64) -> Vec<bool> {
    let mut ascending: Vec<usize> = (0..p_values.len()).collect();
    ascending.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut rejected = vec![false; p_values.len()];
    for (already, &place) in ascending.iter().enumerate() {
        let left = p_values.len() - already;
        if p_values[place] > alpha / left as f64 {
            break;
        }
        rejected[place] = true;
    }
    rejected
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_are_held_to_the_strictest_limit() {
        // The limits are 0.05/4, 0.05/3, 0.05/2, 0.05.
        assert_eq!(holm(&[0.01, 0.04, 0.03, 0.005], 0.05), [true, false, false, true]);
        assert_eq!(holm(&[0.012, 0.016, 0.024, 0.05], 0.05), [true; 4]);
        assert_eq!(holm(&[0.013, 0.0, 0.0, 1.0], 0.05), [true, true, true, false]);
        assert_eq!(holm(&[0.05], 0.05), [true]);
        assert!(holm(&[], 0.05).is_empty());
    }
}
