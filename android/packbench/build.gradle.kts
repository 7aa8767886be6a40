plugins {
    alias(libs.plugins.android.library)
    alias(libs.plugins.kotlin.android)
}

/** The repository, of which this build is a part. */
val repository: File = rootDir.parentFile

/** What cargo builds is called by its own names for processors. */
val abis = mapOf("arm64-v8a" to "aarch64-linux-android", "x86_64" to "x86_64-linux-android")

android {
    namespace = "dev.packbench"
    compileSdk = libs.versions.targetSdk.get().toInt()
    ndkVersion = libs.versions.ndk.get()

    defaultConfig {
        minSdk = libs.versions.minSdk.get().toInt()
        ndk { abiFilters += abis.keys }
    }

    sourceSets["main"].kotlin.srcDir(layout.buildDirectory.dir("ffi"))
    sourceSets["main"].jniLibs.srcDir(layout.buildDirectory.dir("jniLibs"))

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    // The tests take a real model and a library for the computer: scripts/test runs them.
    testOptions.unitTests.all { it.enabled = false }
}

kotlin.compilerOptions.jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17

/**
 * The library for phones, by cargo-ndk: llama.cpp with it, its prefetch withheld at link time, segments at 16 KiB. The crate
 * type is named, for cargo optimises across crates for a cdylib alone, not for one beside an rlib.
 */
val cargoNdk by tasks.registering(Exec::class) {
    val jniLibs = layout.buildDirectory.dir("jniLibs").get().asFile
    workingDir = repository
    environment("ANDROID_NDK_HOME", android.ndkDirectory)
    environment("ANDROID_PLATFORM", libs.versions.minSdk.get())
    commandLine(
        listOf("cargo", "ndk", "--platform", libs.versions.minSdk.get(), "--output-dir", jniLibs.path) +
            abis.keys.flatMap { listOf("--target", it) } +
            listOf("rustc", "--package", "packbench-ffi", "--lib", "--profile", "bench-device", "--crate-type", "cdylib"),
    )
    inputs.files(fileTree(repository) { include("**/*.rs", "**/Cargo.toml", "Cargo.lock"); exclude("target") })
    outputs.dir(jniLibs)
}

/** The Kotlin that calls it, read from the library itself. */
val bindgen by tasks.registering(Exec::class) {
    dependsOn(cargoNdk)
    val sources = layout.buildDirectory.dir("ffi").get().asFile
    val library = File(cargoNdk.get().outputs.files.singleFile, "arm64-v8a/libpackbench_ffi.so")
    workingDir = repository
    commandLine(
        "cargo", "run", "--manifest-path", "bindings/Cargo.toml", "--bin", "uniffi-bindgen",
        "--no-default-features", "--features", "bindgen", "--target-dir", "target/bindgen", "--",
        "generate", "--language", "kotlin", "--no-format", "--out-dir", sources.path, "--library", library.path,
    )
    inputs.file(library)
    outputs.dir(sources)
}

tasks.named("preBuild") { dependsOn(bindgen) }

dependencies {
    api(libs.coroutines.core)
    implementation(variantOf(libs.jna) { artifactType("aar") })
    testImplementation(libs.junit.jupiter)
}
