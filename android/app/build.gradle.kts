plugins {
    alias(libs.plugins.android.application)
    alias(libs.plugins.kotlin.android)
}

android {
    namespace = "dev.packbench.app"
    compileSdk = libs.versions.targetSdk.get().toInt()
    // The second APK, for device farms, tests what is shipped and not a debug build of it.
    testBuildType = "release"

    defaultConfig {
        applicationId = "dev.packbench.app"
        minSdk = libs.versions.minSdk.get().toInt()
        targetSdk = libs.versions.targetSdk.get().toInt()
        versionCode = 1
        versionName = "0.1.0"
        testInstrumentationRunner = "dev.packbench.app.FarmInstrumentation"
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles("rules.pro")
            // For whoever builds it for themselves; who ships it signs it with a key of their own.
            signingConfig = signingConfigs["debug"]
        }
    }

    // An APK for each kind of processor, of which a phone has one, and one for all.
    splits.abi {
        isEnable = true
        reset()
        include("arm64-v8a", "x86_64")
        isUniversalApk = true
    }

    // Libraries are mapped where they lie in the APK, at multiples of 16 KiB.
    packaging.jniLibs.useLegacyPackaging = false

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }

    // The tests take a real model and a library for the computer: scripts/test runs them.
    testOptions.unitTests.all { it.enabled = false }
    testOptions.unitTests.isIncludeAndroidResources = true
}

kotlin.compilerOptions.jvmTarget = org.jetbrains.kotlin.gradle.dsl.JvmTarget.JVM_17

dependencies {
    implementation(project(":packbench"))
    implementation(libs.coroutines.android)
    testImplementation(libs.junit4)
    testImplementation(libs.robolectric)
}
