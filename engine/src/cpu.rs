//! Whether this processor can run the kernels of llama.cpp as they were built (.cargo/config.toml).

use packbench_core::measure::engine::EngineError;

/// # Errors
/// [`EngineError::Unsupported`] when it can't: calling llama.cpp would end the process with an illegal instruction.
#[cfg(target_arch = "x86_64")]
pub fn check() -> Result<(), EngineError> {
    let has_all = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("bmi2");
    match has_all {
        true => Ok(()),
        false => Err(EngineError::Unsupported {
            what: "the engine on this processor",
            hint: "it was built for AVX2, FMA, F16C and BMI2: build it with these set to OFF in .cargo/config.toml",
        }),
    }
}

/// Other architectures are built for their baseline.
///
/// # Errors
/// None.
#[cfg(not(target_arch = "x86_64"))]
pub fn check() -> Result<(), EngineError> {
    Ok(())
}
