//! What Android calls when the library is loaded.

#![allow(unsafe_code)]

use std::ffi::c_void;

use jni::sys::{JNI_VERSION_1_6, JavaVM, jint};
use tracing_subscriber::layer::SubscriberExt;

/// Sends what is told by tracing to logcat, panics included. JNA doesn't call this; `System.loadLibrary` does, which
/// the Kotlin library therefore calls first.
///
/// # Safety
/// None is needed: both arguments are left alone.
#[unsafe(no_mangle)]
pub extern "system" fn JNI_OnLoad(_: *mut JavaVM, _: *mut c_void) -> jint {
    if let Ok(logcat) = tracing_android::layer("packbench") {
        // Another subscriber was first: the app has one of its own.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::registry().with(logcat));
    }
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    JNI_VERSION_1_6
}
