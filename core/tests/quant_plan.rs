//! Plans from scores: within the budget, to the byte, no worse than any other strategy's, and what can't be planned is
//! said.

#![allow(clippy::unwrap_used, reason = "a test that can't go on has failed")]

mod prices;

use insta::assert_snapshot;
use packbench_core::error::chain;
use packbench_core::gguf::{Dims, GgmlType, Gguf, Value, Version, Writer};
use packbench_core::quant::cost::{PLAN_HASH_KEY, PREDICTED_KLD_KEY, quantized_header};
use packbench_core::quant::imatrix::is_needed;
use packbench_core::quant::{Question, curve, plan, tensor_types};
use packbench_core::record::{Curve, FimScores, Imatrix, Planning, QuantPlan};
use prices::scores;

fn question(strategy: &str, budget: Option<&str>) -> Question {
    Question {
        strategy: strategy.parse().unwrap(),
        types: vec![],
        budget: budget.map(|budget| budget.parse().unwrap()),
        base: "Q4_0".into(),
        upgrade: GgmlType::Q6_K,
        doubt: None,
    }
}

fn planned(strategy: &str, budget: Option<&str>) -> QuantPlan {
    let plan = plan(&scores(6, 3), &question(strategy, budget)).unwrap();
    assert_eq!(QuantPlan::read(&serde_json::to_vec(&plan).unwrap()).unwrap(), plan, "it reads back");
    plan
}

fn planning(strategy: &str, budget: Option<&str>) -> Planning {
    planned(strategy, budget).packbench.unwrap()
}

fn refused(scores: &FimScores, strategy: &str, budget: Option<&str>) -> String {
    chain(&plan(scores, &question(strategy, budget)).unwrap_err())
}

const TOWARDS_A_BUDGET: [&str; 6] = ["fisher", "fisher-token", "mse", "imatrix", "g2", "random:5"];

#[test]
fn every_strategy_keeps_its_budget_and_none_is_foretold_less_than_the_bound() {
    for budget in ["same-as:Q4_0", "same-as:Q4_K_M", "bpw:5.5", "5000000"] {
        let fisher = planning("fisher", Some(budget));
        let bound = fisher.kld_bound_nats.unwrap();
        let gap = fisher.predicted_kld_nats.unwrap() - bound;
        assert!((0.0..=1e-3 * bound).contains(&gap), "{budget}: {gap}");
        for strategy in TOWARDS_A_BUDGET {
            let plan = planning(strategy, Some(budget));
            assert!(plan.file_bytes.unwrap() <= plan.budget.unwrap().bytes, "{strategy} {budget}");
            assert!(plan.predicted_kld_nats.unwrap() >= bound, "{strategy} {budget}");
        }
    }
}

#[test]
fn plans_in_doubt_are_others_near_the_optimum() {
    let ask = |doubt| Question { doubt, ..question("fisher", Some("same-as:Q4_K_M")) };
    let planned = |doubt| plan(&scores(6, 3), &ask(doubt)).unwrap().packbench.unwrap();
    let best = planned(None);
    let doubted: Vec<Planning> = (1..=8).map(|seed| planned(Some(seed))).collect();
    assert_eq!(doubted[0], planned(Some(1)), "a seed is a plan");
    assert!(doubted.iter().any(|plan| plan.tensors != best.tensors));
    let least = best.predicted_kld_nats.unwrap();
    for plan in doubted {
        assert!(plan.file_bytes.unwrap() <= plan.budget.unwrap().bytes);
        let nats = plan.predicted_kld_nats.unwrap();
        // each price is off by at most 2 either way, so the sums of two plans are by at most 4
        assert!(nats >= best.kld_bound_nats.unwrap() && nats <= 4.0 * least, "{nats} against {least}");
        assert_eq!(plan.kld_bound_nats, None, "nothing is proved of it");
    }
}

#[test]
fn the_stock_mix_loses_more_at_its_own_bytes() {
    let against = planning("fisher", Some("same-as:q4_k_m")).against.unwrap();
    let stock = planning("stock:Q4_K_M", None);
    assert_eq!(against.stock_mix, "Q4_K_M");
    assert_eq!(
        (Some(against.file_bytes), against.predicted_kld_nats),
        (stock.file_bytes, stock.predicted_kld_nats)
    );
    assert!(planning("fisher", Some("same-as:Q4_K_M")).predicted_kld_nats < stock.predicted_kld_nats);
    assert_eq!(stock.against.map(|same| (same.raised, same.lowered)), Some((vec![], vec![])));
}

/// What changed against the mix adds up to the difference between the files.
#[test]
fn changes_add_up() {
    let plan = planning("fisher", Some("same-as:Q4_K_M"));
    let against = plan.against.unwrap();
    let changes = || against.raised.iter().chain(&against.lowered).chain(&against.exchanged);
    let bytes: i64 = changes().map(|change| change.bytes).sum();
    assert_eq!(bytes, plan.file_bytes.unwrap() as i64 - against.file_bytes as i64);
    let nats: f64 = changes().map(|change| change.kld_nats.unwrap()).sum();
    let expected = plan.predicted_kld_nats.unwrap() - against.predicted_kld_nats.unwrap();
    assert!((nats - expected).abs() < 1e-12);
    assert!(against.raised.iter().all(|change| change.bytes > 0 && change.kld_nats.unwrap() < 0.0));
}

/// The base of the plan would quantize what it doesn't name.
#[test]
fn a_matrix_without_a_price_is_planned_to_stay() {
    let mut scores = scores(4, 1);
    let is_fixed = |name: &str| name.contains(".attn_q.");
    let pricing = scores.packbench.as_mut().unwrap();
    let fixed = pricing.tensors.iter_mut().filter(|tensor| is_fixed(&tensor.name));
    fixed.for_each(|tensor| tensor.candidates.clear());
    let plan = plan(&scores, &question("fisher", Some("bpw:9"))).unwrap();
    let planning = plan.packbench.as_ref().unwrap();
    let stays: Vec<_> = planning.tensors.iter().filter(|tensor| is_fixed(&tensor.name)).collect();
    assert_eq!(stays.len(), 4);
    assert!(stays.iter().all(|tensor| (tensor.ggml_type, tensor.kld_nats) == (GgmlType::F32, Some(0.0))));
    assert_eq!(planning.tensors.len(), 4 * 7 + 1, "and no vector");
    let of_group = plan.overrides.iter().find(|one| one.pattern == "attn_q").unwrap();
    assert_eq!((of_group.qtype, &of_group.layers), (GgmlType::F32, &None));
}

/// A file written in the planned types is as long as the plan says.
#[test]
fn bytes_are_those_of_the_file() {
    let mut scores = scores(4, 1);
    let tensors = scores.packbench.as_ref().unwrap().tensors.clone();
    let write = |type_of: &dyn Fn(&str) -> GgmlType, keys: &[&'static str]| {
        let mut writer = Writer::new(Version::V3);
        writer.set("general.architecture", Value::String(b"llama"));
        keys.iter().for_each(|key| writer.set(key, Value::U32(2)));
        if keys.contains(&"general.file_type") {
            writer.set(PLAN_HASH_KEY, Value::String(&[b'f'; 64]));
            writer.set(PREDICTED_KLD_KEY, Value::F32(0.1));
        }
        for tensor in &tensors {
            writer.tensor(&tensor.name, Dims::new(&tensor.shape).unwrap(), type_of(&tensor.name)).unwrap();
        }
        let mut file = Vec::new();
        let zeros = |tensor: &packbench_core::gguf::Tensor<'_>, out: &mut dyn std::io::Write| {
            out.write_all(&vec![0; tensor.data.len.0 as usize])
        };
        writer.write(&mut file, zeros).unwrap();
        file
    };
    let source = write(&|_| GgmlType::F32, &["split.count", "split.no"]);
    let header = quantized_header(&Gguf::parse(&source).unwrap(), None).unwrap();
    scores.packbench.as_mut().unwrap().model.header_bytes = header.0;
    let plan = plan(&scores, &question("random:1", Some("bpw:6"))).unwrap().packbench.unwrap();
    let type_of = |name: &str| {
        let planned = plan.tensors.iter().find(|planned| planned.name == name);
        planned.map_or(GgmlType::F32, |planned| planned.ggml_type)
    };
    let quantized = write(&type_of, &["general.quantization_version", "general.file_type"]);
    assert_eq!(plan.file_bytes, Some(quantized.len() as u64));
}

/// The published form, base and overrides, says the same as the list of tensors.
#[test]
fn overrides_of_the_base_come_to_the_plan() {
    let scores = scores(6, 3);
    let mixes = &scores.packbench.as_ref().unwrap().stock_mixes;
    for strategy in TOWARDS_A_BUDGET {
        let plan = planned(strategy, Some("same-as:Q4_K_M"));
        let base = &mixes.iter().find(|mix| mix.name == plan.base_quant).unwrap().types;
        for tensor in plan.packbench.unwrap().tensors {
            let (layer, group) = match tensor.name.split('.').collect::<Vec<_>>()[..] {
                ["blk", layer, group, _] => (layer.parse().ok(), group.to_owned()),
                _ => (None, r"^token_embd\.".to_owned()),
            };
            let concerns = |layers: &Option<Vec<u32>>| layers.iter().flatten().any(|one| Some(*one) == layer);
            let first = plan
                .overrides
                .iter()
                .find(|one| one.pattern == group && (one.layers.is_none() || concerns(&one.layers)));
            let found = first.map_or(base[&tensor.name], |one| one.qtype);
            assert_eq!(found, tensor.ggml_type, "{strategy}: {}", tensor.name);
        }
    }
}

#[test]
fn a_loss_buys_the_fewest_bytes() {
    let bytes = planning("fisher", Some("bpw:5")).file_bytes.unwrap();
    let nats = planning("fisher", Some("bpw:5")).predicted_kld_nats.unwrap();
    let plan = planning("fisher", Some(&format!("loss:{nats}")));
    assert_eq!((plan.file_bytes, plan.predicted_kld_nats), (Some(bytes), Some(nats)));
    let plan = planning("fisher", Some(&format!("loss:{}", nats * 2.0)));
    assert!(plan.predicted_kld_nats.unwrap() <= nats * 2.0 && plan.file_bytes.unwrap() < bytes);
}

#[test]
fn published_strategies_raise_what_scores_rank_highest() {
    let scores = scores(6, 3);
    let plan = planned("top-layers:2", None);
    let raised = plan.overrides[0].layers.clone().unwrap();
    let of = |layer: &u32| scores.by_layer_group[&format!("{layer}.ffn_down")];
    let least = raised.iter().map(of).fold(f64::INFINITY, f64::min);
    assert!((0..6).filter(|layer| !raised.contains(layer)).all(|layer| of(&layer) <= least));
    assert_eq!((plan.base_quant.as_str(), plan.stats.upgraded_layer_count), ("Q4_0", 2));

    let plan = planned("top-percent:50", None);
    assert!(plan.overrides.iter().all(|one| one.layers.as_ref().is_some_and(|layers| layers.len() == 3)));
    assert_eq!(plan.overrides.len(), 7);
    assert_eq!(planned("groups:2", None).overrides.len(), 2);
    assert_eq!(planned("thresholds", None).overrides.len(), 8);
}

/// Scores of the published form alone give plans of the published form alone.
#[test]
fn scores_made_elsewhere_are_enough_for_published_strategies() {
    let text = include_str!("../../fuzz/seeds/scores/published");
    let scores = FimScores::read(text.as_bytes()).unwrap();
    let found = plan(&scores, &question("top-layers:1", None)).unwrap();
    assert_snapshot!(serde_json::to_string(&found).unwrap(), @r#"{"base_quant":"Q4_0","upgrade_quant":"q6_k","overrides":[{"pattern":"ffn_down","layers":[0],"qtype":"q6_k"}],"stats":{"total_layers":1,"upgraded_layer_count":1,"ffn_top_pct":100.0,"attn_top_pct":0.0}}"#);
    assert_snapshot!(refused(&scores, "fisher", Some("bpw:4")), @"the scores hold no prices, which fisher needs: make them with packbench score, or take top-layers, top-percent, groups or thresholds");
}

#[test]
fn what_cant_be_planned_is_said() {
    let scores = scores(2, 1);
    assert_snapshot!(refused(&scores, "fisher", None), @"fisher needs a --budget: BYTES, same-as:MIX, bpw:X, loss:X, first-token:Nms@REPORT");
    assert_snapshot!(refused(&scores, "groups:1", Some("bpw:4")), @"groups:1 takes no --budget: it comes to what it comes to");
    assert_snapshot!(refused(&scores, "fisher", Some("1000")), @"the budget is 1000 bytes and the smallest types take 1666336: raise the budget, or allow smaller types");
    assert_snapshot!(refused(&scores, "fisher", Some("same-as:Q9")), @r#"found no stock mix "Q9" in the scores, expected one of Q4_0, Q4_K_M"#);
    assert_snapshot!(refused(&scores, "fisher", Some("loss:1e-12")), @"the least that the types lose is 1.073e-5 nats per token, above the 1.000e-12 asked for: allow larger types");
    assert_snapshot!(refused(&scores, "fisher", Some("first-token:9ms@r")), @"the report behind a first-token budget was not read");
    let only = Question { types: vec![GgmlType::Q4_K], ..question("fisher", Some("bpw:5")) };
    assert_snapshot!(chain(&plan(&scores, &only).unwrap_err()), @r#"tensor "token_embd.weight" was priced in none of the types that were asked for, but in Q4_0, Q5_0, Q8_0: add one of these to --types"#);
}

#[test]
fn a_curve_falls_and_shows_the_stock_mixes() {
    let curve = curve(&scores(6, 3), &[]).unwrap();
    assert!(curve.plans.len() > 50);
    assert!(curve.plans.windows(2).all(|pair| pair[0].file_bytes < pair[1].file_bytes));
    assert!(curve.plans.windows(2).all(|pair| pair[0].predicted_kld_nats > pair[1].predicted_kld_nats));
    let names: Vec<&str> = curve.stock_mixes.iter().filter_map(|point| point.name.as_deref()).collect();
    assert_eq!(names, ["Q4_0", "Q4_K_M"]);
}

/// Scores with mixes that are small in `ffn_down`, of which llama.cpp makes the first alone without an importance matrix.
fn with_small_mixes(imatrix: Imatrix) -> FimScores {
    let mut scores = scores(6, 3);
    let pricing = scores.packbench.as_mut().unwrap();
    pricing.imatrix = imatrix;
    let small = [("Q2_K", GgmlType::Q2_K), ("Q2_K_S", GgmlType::Q2_K), ("IQ3_XS", GgmlType::IQ3_XXS)];
    for (name, small) in small {
        let mut mix = pricing.stock_mixes[1].clone();
        mix.name = name.to_owned();
        let downs = mix.types.iter_mut().filter(|(tensor, _)| tensor.contains("ffn_down"));
        downs.for_each(|(_, ggml_type)| *ggml_type = small);
        pricing.stock_mixes.push(mix);
    }
    scores
}

#[test]
fn mixes_that_need_an_importance_matrix_are_no_choice_without_one() {
    let (without, with) = (with_small_mixes(Imatrix::None), with_small_mixes(Imatrix::Activations));
    let off_the_curve = |scores| {
        let Curve { imatrix_mixes, unpriced_mixes, .. } = curve(scores, &[]).unwrap();
        (imatrix_mixes.join(" "), unpriced_mixes.join(" "))
    };
    assert_eq!(off_the_curve(&without), ("Q2_K_S IQ3_XS".into(), "Q2_K".into()));
    assert_eq!(off_the_curve(&with), ("".into(), "Q2_K Q2_K_S IQ3_XS".into()));
    let beside = |scores: &FimScores| {
        let plan = plan(scores, &question("fisher", Some("same-as:IQ3_XS"))).unwrap();
        (plan.base_quant, plan.packbench.unwrap().against.unwrap().stock_mix)
    };
    assert_eq!(beside(&without), ("Q2_K".into(), "Q2_K".into()));
    assert_eq!(beside(&with), ("IQ3_XS".into(), "IQ3_XS".into()));
    assert!(is_needed("blk.0.ffn_down.weight", GgmlType::IQ3_XXS));
    assert!(!is_needed("token_embd.weight", GgmlType::IQ3_XXS));
}

#[test]
fn the_tool_is_told_each_tensor_by_its_whole_name() {
    let lines = tensor_types(&planned("uniform:Q6_K", None));
    assert_eq!(lines.len(), 6 * 7 + 1, "one a matrix");
    let line = |place: usize| lines[place].to_string();
    assert_snapshot!(line(0), @r"^token_embd\.weight$=q8_0");
    assert_snapshot!(line(7), @r"^blk\.0\.ffn_down\.weight$=q6_k");
}

#[test]
fn the_tool_is_told_what_a_published_plan_says() {
    let plan = QuantPlan::read(include_bytes!("../../fuzz/seeds/quant_plan/published")).unwrap();
    let lines: Vec<String> = tensor_types(&plan).iter().map(ToString::to_string).collect();
    assert_snapshot!(lines.join(" "), @r"^blk\.1\.ffn_down\.weight$=q6_k ^blk\.2\.ffn_down\.weight$=q6_k ^blk\.26\.ffn_down\.weight$=q6_k ^blk\.27\.ffn_down\.weight$=q6_k");
}
