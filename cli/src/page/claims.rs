//! Published claims beside what this device answers.

use packbench_core::job::{CacheState, Pattern, ProbeKind};
use packbench_core::record::{Inspection, QuantPlan, Report};

use super::quality::Quality;
use super::quantity::Unit;
use crate::measured::ranking::rank_correlation;
use crate::measured::{Measured, speed};

/// A claim, its source, and how to have it answered.
pub struct Claim {
    pub text: &'static str,
    /// Where it was published.
    pub source: &'static str,
    /// The command whose result answers it.
    pub command: &'static str,
    answer: fn(&[&Report], &Quality) -> Option<Found>,
}

/// What is to be said of a claim, and in words.
type Found = (Standing, String);

/// A claim with its answer.
pub struct Claimed {
    pub claim: &'static Claim,
    pub standing: Standing,
    pub answer: String,
}

/// What is to be said of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum Standing {
    #[strum(serialize = "holds here")]
    Holds,
    #[strum(serialize = "holds in part")]
    InPart,
    #[strum(serialize = "does not hold here")]
    DoesNotHold,
    #[strum(serialize = "measured")]
    Measured,
    #[strum(serialize = "not asked")]
    NotAsked,
}

const PUBLISHED: &str = "https://github.com/mcgrof/knlp/blob/main/docs/mobile-weight-packing.md";

/// In the order of their publication.
pub const CLAIMS: [Claim; 7] = [
    Claim {
        text: "Sequential reads run at 3–7 GB/s, random ones at 0.5–1 GB/s; the 3–7 × between them hits first-token latency directly.",
        source: PUBLISHED,
        command: "packbench run MODEL --probe reads,first_token",
        answer: throughput,
    },
    Claim {
        text: "GGUF stands in forward-pass order and is therefore already optimal.",
        source: PUBLISHED,
        command: "packbench inspect MODEL.gguf --json > i.json, then --with i.json",
        answer: |_, quality| order(quality, "gguf"),
    },
    Claim {
        text: "safetensors stands in hash or alphabetical order and defeats prefetching.",
        source: PUBLISHED,
        command: "packbench inspect MODEL.safetensors --json > i.json, then --with i.json",
        answer: |_, quality| {
            order(quality, "safetensors").map(|(standing, words)| (opposite(standing), words))
        },
    },
    Claim {
        text: "E[g²] ranks groups: ffn_down > ffn_gate > ffn_up > attn_v > attn_output > attn_q > attn_k > token_embd.",
        source: PUBLISHED,
        command: "packbench score MODEL --text FILE, then --with fim_scores.json",
        answer: |_, quality| ranking(quality),
    },
    Claim {
        text: "A score maps to a type: above 0.85 Q6_K, above 0.70 Q5_K, above 0.50 Q4_K, else Q3_K.",
        source: PUBLISHED,
        command: "packbench plan fim_scores.json --strategy thresholds -o quant_plan.json, then --with quant_plan.json",
        answer: |_, quality| thresholds(quality),
    },
    Claim {
        text: "ffn_down of the 4 top layers raised from q3_K to q6_K: perplexity −1.26 % for +1.8 % of bytes.",
        source: PUBLISHED,
        command: "packbench eval REFERENCE MODEL… --text FILE, then --with eval_results.json",
        answer: |_, quality| upgrade(quality),
    },
    Claim {
        text: "Guidance helps Q3 and Q2; Q4_K_M already raises the same layers, so there is nothing to gain there.",
        source: PUBLISHED,
        command: "packbench plan fim_scores.json --budget same-as:Q4_K_M -o quant_plan.json, then --with quant_plan.json",
        answer: |_, quality| agreement(quality),
    },
];

/// Each claim with an answer out of what is there.
pub fn answers(reports: &[&Report], quality: &Quality) -> Vec<Claimed> {
    let answered = |claim: &'static Claim| match (claim.answer)(reports, quality) {
        Some((standing, answer)) => Claimed { claim, standing, answer },
        None => Claimed { claim, standing: Standing::NotAsked, answer: String::new() },
    };
    CLAIMS.iter().map(answered).collect()
}

fn opposite(standing: Standing) -> Standing {
    match standing {
        Standing::Holds => Standing::DoesNotHold,
        Standing::DoesNotHold => Standing::Holds,
        other => other,
    }
}

fn throughput(reports: &[&Report], _: &Quality) -> Option<Found> {
    let told: Vec<(bool, String)> = reports.iter().filter_map(|report| throughput_of(report)).collect();
    // What the difference does to a first token is for the comparison of policies and layouts to say, not for reads.
    let holds = told.iter().all(|(holds, _)| *holds);
    let standing = if holds { Standing::InPart } else { Standing::DoesNotHold };
    (!told.is_empty())
        .then(|| (standing, told.into_iter().map(|(_, words)| words).collect::<Vec<_>>().join(" ")))
}

/// The fastest cold reads in order and at random, whatever their size.
fn throughput_of(report: &Report) -> Option<(bool, String)> {
    let reads = Measured::all(report, ProbeKind::Reads);
    let fastest = |pattern| {
        let own = reads.iter().filter(|one: &&Measured<'_>| {
            one.case.cache == CacheState::Cold && one.case.pattern() == Some(pattern)
        });
        own.filter_map(|one| one.median(speed)).max_by(f64::total_cmp)
    };
    let (sequential, random) = (fastest(Pattern::Sequential)?, fastest(Pattern::Random)?);
    let ratio = sequential / random;
    let holds =
        (3e9..=7e9).contains(&sequential) && (0.5e9..=1e9).contains(&random) && (3.0..=7.0).contains(&ratio);
    let words = format!(
        "Cold, at the best size of a read: sequential {}, random {}, {} × between them. What that does to the first token, the comparisons above say.",
        Unit::Speed.of(sequential),
        Unit::Speed.of(random),
        Unit::Times.of(ratio)
    );
    Some((holds, words))
}

fn order(quality: &Quality, format: &str) -> Option<Found> {
    let of_format: Vec<&Inspection> =
        quality.models().filter(|model| model.format.to_ascii_lowercase().starts_with(format)).collect();
    let holds = of_format.iter().all(|model| model.forward.in_file.breaks <= model.forward.at_best.breaks);
    let words = of_format.iter().map(|model| {
        let name = model.files.first().map_or("", |file| file.name.as_str());
        let (found, best) = (model.forward.in_file.breaks, model.forward.at_best.breaks);
        format!("{name}: {found} breaks in forward order, {best} at best.")
    });
    let words: Vec<String> = words.collect();
    let standing = if holds { Standing::Holds } else { Standing::DoesNotHold };
    (!words.is_empty()).then(|| (standing, words.join(" ")))
}

fn ranking(quality: &Quality) -> Option<Found> {
    let scores = quality.scores.first()?;
    let mut groups: Vec<(&String, &f64)> = scores.by_group.iter().collect();
    groups.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let here: Vec<&str> = groups.iter().map(|(name, _)| name.as_str()).take(8).collect();
    let correlation = rank_correlation(scores)?;
    let standing = if correlation == 1.0 { Standing::Holds } else { Standing::DoesNotHold };
    Some((
        standing,
        format!(
            "{}: {}; rank correlation with the published {correlation:.2}.",
            scores.model,
            here.join(" > ")
        ),
    ))
}

fn thresholds(quality: &Quality) -> Option<Found> {
    let plans = quality.plans.iter().filter_map(|plan| plan.packbench.as_ref());
    let plan = plans.into_iter().find(|plan| plan.strategy == "thresholds")?;
    let against = plan.against.as_ref()?;
    let (kld, stock) = (plan.predicted_kld_nats?, against.predicted_kld_nats?);
    Some((
        Standing::Measured,
        format!(
            "Foretold {} nats per token in {}; stock {} {} in {}.",
            Unit::Nats.of(kld),
            Unit::Bytes.of(plan.file_bytes? as f64),
            against.stock_mix,
            Unit::Nats.of(stock),
            Unit::Bytes.of(against.file_bytes as f64)
        ),
    ))
}

fn upgrade(quality: &Quality) -> Option<Found> {
    let is_upgrade = |plan: &QuantPlan| {
        plan.packbench.as_ref().is_some_and(|planning| planning.strategy.starts_with("top-layers"))
    };
    // Files of other plans say nothing of it.
    let evaluation = quality.evaluations.first().filter(|_| quality.plans.iter().all(is_upgrade))?;
    quality.plans.first()?;
    let rows = evaluation.results.iter().filter_map(|(name, result)| {
        let (ppl, size) = (result.pct_ppl_change?, result.size_pct_change?);
        (*name != evaluation.baseline)
            .then(|| format!("{name}: perplexity {ppl:+.2} % for {size:+.1} % of bytes."))
    });
    let rows: Vec<String> = rows.collect();
    (!rows.is_empty()).then(|| (Standing::Measured, rows.join(" ")))
}

fn agreement(quality: &Quality) -> Option<Found> {
    let plans = quality.plans.iter().filter_map(|plan| plan.packbench.as_ref());
    let (plan, against) = plans
        .filter_map(|plan| Some((plan, plan.against.as_ref()?)))
        .find(|(_, against)| against.stock_mix == "Q4_K_M")?;
    let (kld, stock) = (plan.predicted_kld_nats?, against.predicted_kld_nats?);
    let standing =
        if kld < stock * (1.0 - super::THRESHOLD) { Standing::DoesNotHold } else { Standing::Holds };
    let layers: usize = against.agreed.iter().map(|agreed| agreed.layers.len()).sum();
    Some((
        standing,
        format!(
            "Foretold {} nats per token against {} of Q4_K_M; both raise {layers} of the same group and layer.",
            Unit::Nats.of(kld),
            Unit::Nats.of(stock)
        ),
    ))
}
