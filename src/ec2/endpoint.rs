//! Amazon's own addresses of services.

use reqwest::Url;

/// The domain of a partition, by how its regions' names begin.
const DOMAINS: [(&str, &str); 5] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-iso-", "c2s.ic.gov"),
    ("", "amazonaws.com"),
];

/// The address of a service in a region.
///
/// # Errors
/// The region's name can't be part of one.
pub(super) fn of(service: &str, region: &str) -> Result<Url, String> {
    let domain =
        DOMAINS.iter().find(|(start, _)| region.starts_with(start)).map_or("amazonaws.com", |(_, domain)| domain);
    let text = format!("https://{service}.{region}.{domain}/");
    Url::parse(&text).map_err(|why| format!("{text} is not a URL: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_in_the_domain_of_its_partition() {
        let of = |region: &str| of("ec2", region).unwrap().to_string();
        assert_eq!(of("eu-central-1"), "https://ec2.eu-central-1.amazonaws.com/");
        assert_eq!(of("cn-north-1"), "https://ec2.cn-north-1.amazonaws.com.cn/");
        assert_eq!(of("us-gov-west-1"), "https://ec2.us-gov-west-1.amazonaws.com/");
        assert_eq!(of("eusc-de-east-1"), "https://ec2.eusc-de-east-1.amazonaws.eu/");
    }
}
