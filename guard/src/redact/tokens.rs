//! Secrets that are known by their own form, wherever they stand.

use std::ops::Range;

use super::{
    random::is_random,
    rule::{Found, Rule, first_group, rule, whole},
};

const TOKEN: &str = "[token]";

pub(super) static RULES: [Rule; 9] = [
    rule!(
        b"-",
        r"-----BEGIN[ A-Z0-9_-]{0,64}?PRIVATE KEY(?: BLOCK)?-----(?s:.*?)(?:KEY(?: BLOCK)?-----|\z)",
        whole,
        "[private key]"
    ),
    // A JSON Web Token starts with the base64 of `{"`; a second layer of base64 starts with `ZXlK`.
    rule!(
        b"y",
        r"(?-u:\b)(?:ey[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_/\\-]{5,}(?:\.[A-Za-z0-9_/\\-]*={0,2}){0,3}|eyJ[A-Za-z0-9_=-]{40,})",
        whole,
        TOKEN
    ),
    rule!(b"Z", r"(?-u:\b)ZXlK[A-Za-z0-9+/=_\\-]{16,}", whole, TOKEN),
    rule!(b"_", UNDERSCORED, whole, TOKEN),
    rule!(b"-~", HYPHENATED, whole, TOKEN),
    rule!(b".|:", PUNCTUATED, whole, TOKEN),
    rule!(b"", BARE, first_group, TOKEN),
    // A webhook's address is its secret.
    rule!(
        b"/",
        r"(?i)(?:https?:\\?/\\?/)?[\w.-]*(?:hooks.slack.com/(?:services|workflows|triggers)|webhook\.office\.com/webhookb2|discord(?:app)?\.com/api/webhooks)/[A-Za-z0-9+/@_-]{8,}",
        whole,
        TOKEN
    ),
    rule!(b"0123456789", r"[A-Za-z0-9_+=~-]{24,}", random_run, TOKEN),
];

/// `vendor_…`: source hosts, registries, payment and platform services.
const UNDERSCORED: &str = concat!(
    r"(?-u:\b)(?:",
    r"(?:gh[pousr]|github_pat|npm|hf|api_org|lin_api|lin_oauth|glsa|glc|pscale_(?:tkn|pw|oauth)|rubygems|rdme|CLOJARS",
    r"|do[opr]_v1|pnu|pnb|shpat|shpca|shppa|shpss|shippo_(?:live|test)|duffel_(?:live|test)|sgp|sntry[su]|sqa|sqp|squ",
    r"|tfp|whsec|dckr_pat|bkua|figd|nfp|gsk|r8|pcsk|lsv2_(?:pt|sk)|bnd|phc|phx|sbp|ntn|fo1|fm[12]|live_pub|test_pub|live|ops)",
    r"_[A-Za-z0-9_=.,-]{16,}",
    r"|[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk",
    r"|sm_[aps]at_[A-Za-z0-9]{12,}",
    r"|[spr]k_(?:live|test|prod)_[A-Za-z0-9]{8,}",
    r"|FLW(?:SECK|PUBK)(?:_TEST)?-[A-Za-z0-9-]{10,}",
    r"|_?[a-z]+_session=[A-Za-z0-9]{16,}",
    r")",
);

/// `vendor-…` and `vendor~…`.
const HYPHENATED: &str = concat!(
    r"(?-u:\b)(?:",
    r"(?:sk|gl(?:pat|cbt|dt|ffct|ft|imt|agent|oas|ptt|rt|soat)|xai|pplx|pul|pypi|PMAK|tskey|tvly|xkeysib|xsmtpsib",
    r"|dnkey|fio-u|ico|tk-us|NRII|NRAK|NRJS|NRRA|NRIQ|CFPAT|BBDC|GOCSPX|bedrock-api-key|p8e|key|HRKU|api-key)",
    r"-[A-Za-z0-9_=.-]{16,}",
    r"|xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9-]{8,}|xapp-[A-Za-z0-9-]{10,}",
    r"|AGE-SECRET-KEY-1[A-Z0-9]{20,}",
    r"|A3-[A-Z0-9]{6}-(?:[A-Z0-9]{4,}-?){3,6}",
    r"|API-[A-Z0-9]{24,}",
    r"|sq0[a-z]{3}-[A-Za-z0-9_-]{16,}",
    r"|s-s4t2(?:ud|af)-[0-9a-f]{32,}",
    r"|v1\.0-[0-9a-f]{20,}-[0-9a-f]{64,}",
    r"|[0-9a-f]{32}-us[0-9]{1,2}",
    r"|sha256~[A-Za-z0-9_-]{20,}",
    r"|[A-Za-z0-9_~.]{3}[0-9]Q~[A-Za-z0-9_~.-]{24,}",
    r")",
);

/// Tokens of several parts, joined by dots, a bar or a colon.
const PUNCTUATED: &str = concat!(
    r"(?-u:\b)(?:",
    r"SG\.[A-Za-z0-9_=.-]{20,}",
    r"|dp\.(?:pt|ct|st|sa|scim|audit)\.[A-Za-z0-9]{20,}",
    r"|dt0[a-z]01\.[A-Za-z0-9]{20,}\.[A-Za-z0-9]{40,}",
    r"|hv[sbr]\.[A-Za-z0-9_-]{20,}",
    r"|ya29\.[A-Za-z0-9_-]{16,}",
    r"|[ps]at\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9.]{16,}",
    r"|pat[A-Za-z0-9]{14}\.[0-9a-f]{32,}",
    r"|[psk]k\.[A-Za-z0-9]{40,}\.[A-Za-z0-9_-]{16,}",
    r"|[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{40,}",
    r"|(?:sc|ext|scauth|authress)_[A-Za-z0-9]{5,}\.[A-Za-z0-9]{4,6}\.acc[_-][A-Za-z0-9-]{10,}\.[A-Za-z0-9+/_=-]{20,}",
    r"|t1\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{40,}",
    r"|[MNO][A-Za-z0-9_-]{23,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
    r"|[0-9]{5,16}:A[A-Za-z0-9_-]{32,36}",
    r"|[0-9]{15,16}(?:\||%7C)[A-Za-z0-9_-]{24,}",
    r")",
);

/// Tokens whose first letters are all that marks them.
const BARE: &str = concat!(
    r"(?:^|[^A-Za-z0-9])(",
    r"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])[A-Z0-9]{16}",
    r"|LTAI[A-Za-z0-9]{16,}|AIza[A-Za-z0-9_-]{30,}|EAA[A-Z][A-Za-z0-9]{20,}|EAAAE[A-Za-z0-9_-]{40,}",
    r"|dapi[0-9a-f]{32}(?:-[0-9])?|EZ[AT]K[A-Za-z0-9]{40,}|GR1348941[A-Za-z0-9_-]{16,}|cmV(?:md|hd)[A-Za-z0-9]{40,}",
    r"|AT[AC]TT3[A-Za-z0-9_=-]{40,}|AKC[A-Za-z0-9]{10,}|AP[0-9ABCDEF][A-Za-z0-9]{10,}|AQVN[A-Za-z0-9_-]{20,}",
    r"|ABSK[A-Za-z0-9+/=]{40,}|(?:SK|AC)[0-9a-fA-F]{32}|oy2[a-z0-9]{43}|YC[A-Za-z0-9_-]{38}|4b1d[A-Za-z0-9]{38}",
    r")",
);

fn random_run(found: &Found<'_>) -> Option<Range<usize>> {
    is_random(found.text(0)).then(|| found.place())
}

#[cfg(test)]
mod tests {
    use crate::redact::tests::{becomes, stays};

    #[test]
    fn tokens_are_known_by_their_form() {
        for token in [
            "ghp_aaaaaaaaaaaaaaaaaaaa1234567890",
            "github_pat_11ABCDEFG0abcdefghij_klmnopq",
            "glpat-abcdefghij0123456789",
            "sk-proj-abcdefghijklmnop",
            "sk_live_4eC39HqLyjWD",
            "bnd_00112233445566778899aabbccddeeff",
            "xoxb-123456789012-abcdefghij",
            "AKIAIOSFODNN7EXAMPLE",
            "AIzaSyA-abcdefghijklmnopqrstuvwxyz01234",
            "SG.abcdefghijklmnopqrst.uvwxyz0123456789",
            "123456789:AAabcdefghijklmnopqrstuvwxyz0123456",
            "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.",
            "eyJhbGciOiJSUzI1NiIsImtpZCI6ImFiY2RlZmdoaWprbG1ub3AifQ.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl",
            "https://hooks.slack.com/services/T000/B000/abcdefgh",
            "q7Xk2LmP9vRt4WzB8nYc3Hd6",
        ] {
            becomes(&[
                (token, "[token]"),
                (&format!("refused ({token}), retry"), "refused ([token]), retry"),
                (&format!("key '{token}' is stale"), "key '[token]' is stale"),
            ]);
        }
    }

    #[test]
    fn a_private_key_goes_whole_even_when_it_is_cut_off() {
        becomes(&[
            (
                "bad key -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- here",
                "bad key [private key] here",
            ),
            ("bad key -----BEGIN PRIVATE KEY-----\nMIIEvQ", "bad key [private key]"),
        ]);
        stays(&["-----BEGIN CERTIFICATE----- expected"]);
    }

    #[test]
    fn names_and_hashes_stay() {
        stays(&[
            "git commit b58d3f102cf3a2c84cb7f923d05c25c9b1aed84b",
            "task 550e8400-e29b-41d4-a716-446655440000 not found",
            "task 01ARZ3NDEKTSV4RRFFQ69G5FAV not found",
            "sk-learn and npm_config_registry are not set",
            "key-value pairs",
            "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        ]);
    }
}
