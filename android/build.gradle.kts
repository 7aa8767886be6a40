// pom.xml builds the same sources where there is no Android SDK; TwoBuildsTest holds the two together.
plugins {
    alias(libs.plugins.android.application) apply false
    alias(libs.plugins.android.library) apply false
    alias(libs.plugins.kotlin.android) apply false
}
