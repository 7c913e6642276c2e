//! How hard the machine itself is pressed, where the kernel tells: evidence for or against believing a run.

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use super::{Look, Observer, ObserverError};
use crate::history::Event;
use crate::text::naming;

/// Reads `/proc/pressure/cpu` every 2 s. It is blind on a kernel without it; no hypothesis rests on it.
#[derive(Debug, Default)]
pub struct PressureObserver;

#[async_trait]
impl Observer for PressureObserver {
    fn watches(&self) -> (String, String) {
        ("pressure".into(), "the machine".into())
    }

    fn interval(&self) -> Duration {
        Duration::from_secs(2)
    }

    async fn observe(&mut self, look: &mut Look<'_>) -> Result<(), ObserverError> {
        let path = Path::new("/proc/pressure/cpu");
        let text = std::fs::read_to_string(path).map_err(|why| match why.kind() {
            std::io::ErrorKind::NotFound => {
                ObserverError::Unavailable(format!("this kernel does not report pressure ({})", path.display()))
            }
            _ => ObserverError::Unreadable(naming(path)(why).to_string()),
        })?;
        let cpu_some_pct = some_avg10(&text).ok_or(ObserverError::Unexpected(text))?;
        look.changed(Event::Pressure { cpu_some_pct });
        Ok(())
    }
}

/// `some avg10=1.53 avg60=0.87 …` → 1.53
fn some_avg10(text: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.starts_with("some"))?;
    line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::some_avg10;

    #[test]
    fn the_ten_second_average_of_some_is_read() {
        let text = "some avg10=1.53 avg60=0.87 avg300=0.40 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
        assert_eq!(some_avg10(text), Some(1.53));
        assert_eq!(some_avg10("full avg10=9"), None);
    }
}
