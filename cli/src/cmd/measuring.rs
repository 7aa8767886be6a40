//! `packbench plan --measure`: a predicted optimum flatters itself, so the best of several plans is found by evaluating
//! their files.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use packbench_core::os;
use packbench_core::record::{EvaluatedModel, QuantPlan, Text};

use super::imatrix::Asked;
use super::{eval, output, quantize};
use crate::quality::{self, Texts};
use crate::render;

/// Arguments of `plan` for plans that are measured.
#[derive(Debug, clap::Args)]
pub struct Measuring {
    /// Make the files of K plans, the optimum and others that would be it if prices erred; take the one that loses least.
    #[arg(
        id = "measure",
        long = "measure",
        value_name = "K",
        requires_all = ["model", "text"],
        value_parser = clap::value_parser!(u32).range(2..=64)
    )]
    pub count: Option<u32>,
    /// The model that was scored.
    #[arg(long, value_name = "MODEL", requires = "measure")]
    model: Option<PathBuf>,
    /// What the quantizer is told of the columns, if not what the plan says: as in `packbench quantize`. Of plans made for
    /// an importance matrix from a file, that file.
    #[arg(long, value_name = "none|activations|fisher|FILE", requires = "measure")]
    imatrix: Option<Asked>,
    /// A text to measure on, not one that the model was scored on; may be repeated.
    #[arg(long, value_name = "FILE", requires = "measure")]
    text: Vec<PathBuf>,
    /// How many chunks, spread evenly over the texts.
    #[arg(long, value_name = "N", default_value_t = 16, requires = "measure")]
    chunks: u32,
    /// Tokens of a chunk.
    #[arg(long, value_name = "L", default_value_t = 512, requires = "measure")]
    length: u32,
}

impl Measuring {
    /// The files that are read.
    pub fn inputs(&self) -> impl Iterator<Item = &PathBuf> {
        self.text.iter().chain(&self.model).chain(self.imatrix.as_ref().and_then(Asked::file))
    }

    /// Of `plans`, which were made from the scores at `scores`, the one whose file loses least. Files lie in the folder
    /// of the scores until they are measured. The model was scored on the texts `scored`.
    ///
    /// # Errors
    /// A text that the model was scored on; and as of quantizing and evaluating.
    pub fn best(&self, scores: &Path, scored: &[Text], plans: &[QuantPlan]) -> anyhow::Result<QuantPlan> {
        let texts = Texts::read(&self.text)?;
        check_texts(&texts, scored)?;
        quality::stop_on_interrupt();
        let model = self.model.clone().context("expected --model, the model that was scored")?;
        let folder = os::folder(scores);
        let folder = tempfile::Builder::new().prefix(".packbench-").tempdir_in(folder);
        let folder = folder.context("a folder for files to measure")?;
        let files = self.make(&model, scores, plans, folder.path())?;
        let seed = plans.iter().find_map(|plan| plan.packbench.as_ref()?.dither_seed);
        let original = folder.path().join("original.gguf");
        seed.map(|seed| quantize::make_original(&model, seed, &original)).transpose()?;
        quality::go_on()?;
        let asked = eval::Args {
            reference: if seed.is_some() { original } else { model },
            models: files,
            text: Vec::new(),
            chunks: self.chunks,
            length: self.length,
            baseline: None,
            seed: 1,
            cache: 0,
            threads: None,
            output: PathBuf::new(),
        };
        let evaluation = eval::evaluate(&asked, &texts)?;
        write!(io::stderr(), "{}", render::evaluation(&evaluation))?;
        let measured = evaluation.packbench.context("an evaluation of its own")?.models;
        let best = least(&measured[1..]).context("expected a plan")?;
        writeln!(io::stderr(), "taken: plan-{}\n", best + 1)?;
        Ok(plans[best].clone())
    }

    /// `plan-1.gguf` is that of the optimum.
    fn make(
        &self,
        model: &Path,
        scores: &Path,
        plans: &[QuantPlan],
        folder: &Path,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        for (index, plan) in plans.iter().enumerate() {
            let path = folder.join(format!("plan-{}.json", index + 1));
            let file = path.with_extension("gguf");
            output::write_json(&path, plan)?;
            let (model, scores) = (model.to_owned(), scores.to_owned());
            let made = quantize::Args::by_plan(model, path, scores, self.imatrix.clone(), file.clone());
            quantize::make(&made)?;
            files.push(file);
        }
        Ok(files)
    }
}

/// What is foretold was made of the texts that were scored: it would seem better there than it is.
fn check_texts(texts: &Texts, scored: &[Text]) -> anyhow::Result<()> {
    match texts.facts.iter().find(|text| scored.iter().any(|scored| scored.hash == text.hash)) {
        Some(text) => bail!("the model was scored on {}: measure on another text", text.name),
        None => Ok(()),
    }
}

/// The place of the one that loses least, the first of equals.
fn least(models: &[EvaluatedModel]) -> Option<usize> {
    let places = models.iter().enumerate();
    places.min_by(|one, other| one.1.kld_nats.total_cmp(&other.1.kld_nats)).map(|(place, _)| place)
}
