//! When a failed order is tried again.

use std::time::Duration;

use rustls::crypto::CryptoProvider;
use trine_core::later::NEVER;

use super::renewal::chance;
use crate::config::Acme;

/// The time until the next attempt: it doubles with each failure up to `longest_retry`, and a
/// random part of up to a quarter is subtracted.
pub(super) fn pause(settings: &Acme, failures: u32, provider: &CryptoProvider) -> Duration {
    let doubled =
        settings.first_retry.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1)));
    doubled.min(settings.longest_retry).min(NEVER).mul_f64(1.0 - chance(provider) / 4.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_durations_do_not_panic() {
        let settings =
            Acme { first_retry: Duration::MAX, longest_retry: Duration::MAX, ..Acme::default() };
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        for failures in [1, 2, u32::MAX] {
            let pause = pause(&settings, failures, &provider);
            assert!(pause >= NEVER.mul_f64(0.75) && pause <= NEVER, "{pause:?}");
        }
    }

    #[test]
    fn the_delay_doubles_up_to_its_maximum() {
        let settings = Acme::default();
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        for (failures, minutes) in
            [(1, 3), (2, 6), (5, 48), (7, 192), (8, 240), (4_000_000_000, 240)]
        {
            let whole = Duration::from_secs(minutes * 60);
            let pause = pause(&settings, failures, &provider);
            assert!(pause <= whole && pause >= whole.mul_f64(0.75), "{failures}: {pause:?}");
        }
    }
}
