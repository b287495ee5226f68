//! In which era of the protocol a client speaks, and what each of its requests must therefore carry.
//!
//! A client of 2026-07-28 says with every request what it speaks; an older one says it once, with
//! `initialize`. Both are served on every connection, and who says nothing is served like the older ones.

use rmcp::ErrorData;
use rmcp::model::{ClientRequest, ProtocolVersion, RequestMetaObject};

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";

/// How the client opened; it decides what a request without metadata means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Era {
    /// Not yet, or only by asking who is there.
    #[default]
    Open,
    /// With `initialize`.
    Handshake,
    /// With a request that carries all it needs; so must the others.
    Stateless,
}

impl Era {
    /// Learns how the client opens, and tells in which era `request` is to be answered, or why not at all.
    pub(super) fn admit(
        &mut self,
        request: &ClientRequest,
        meta: &RequestMetaObject,
        supported: &[ProtocolVersion],
    ) -> Result<Self, ErrorData> {
        if matches!(request, ClientRequest::InitializeRequest(_)) {
            *self = Self::Handshake;
            return Ok(Self::Handshake);
        }
        let version = meta.protocol_version();
        if let Some(version) = &version
            && !supported.contains(version)
        {
            return Err(ErrorData::unsupported_protocol_version(
                version.clone(),
                supported,
            ));
        }
        let stateless = version.is_some_and(|version| version >= ProtocolVersion::V_2026_07_28);
        if !stateless && *self != Self::Stateless {
            return Ok(Self::Handshake);
        }
        let missing = missing(meta);
        if !missing.is_empty() {
            let missing = missing.join(", ");
            let text = format!("request _meta is missing or has malformed required fields: {missing}");
            return Err(ErrorData::invalid_params(text, None));
        }
        // Asking who is there settles nothing: the client may yet open in the older way.
        let probe = matches!(request, ClientRequest::DiscoverRequest(_));
        if *self == Self::Open && !probe {
            *self = Self::Stateless;
        }
        Ok(Self::Stateless)
    }
}

/// Returns what a stateless request must carry and this one does not. That it can be read is left to those
/// who need it: it is the same in every request of a client, and reading it costs more than a usual call.
fn missing(meta: &RequestMetaObject) -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !meta.get(VERSION).is_some_and(serde_json::Value::is_string) {
        missing.push(VERSION);
    }
    if !meta.get(CAPABILITIES).is_some_and(serde_json::Value::is_object) {
        missing.push(CAPABILITIES);
    }
    missing
}

#[cfg(test)]
mod tests {
    use rmcp::model::{ErrorCode, GetMeta as _};
    use serde_json::{Value, json};

    use super::*;

    fn admit(era: &mut Era, method: &str, meta: &Value) -> Result<Era, ErrorCode> {
        let params = json!({
            "_meta": meta, "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "c", "version": "1" },
        });
        let request: ClientRequest =
            serde_json::from_value(json!({ "method": method, "params": params })).unwrap();
        let answer = era.admit(&request, request.get_meta(), ProtocolVersion::KNOWN_VERSIONS);
        answer.map_err(|error| error.code)
    }

    #[test]
    fn who_says_nothing_is_answered_like_older_clients() {
        let mut era = Era::Open;
        assert_eq!(admit(&mut era, "tools/list", &json!({})), Ok(Era::Handshake));
        assert_eq!(era, Era::Open);
    }

    #[test]
    fn a_stateless_opening_binds_and_a_handshake_unbinds() {
        let full = json!({ VERSION: "2026-07-28", CAPABILITIES: {} });
        let mut era = Era::Open;
        assert_eq!(admit(&mut era, "server/discover", &full), Ok(Era::Stateless));
        assert_eq!(admit(&mut era, "tools/list", &json!({})), Ok(Era::Handshake));
        assert_eq!(admit(&mut era, "tools/list", &full), Ok(Era::Stateless));
        for bare in [
            json!({}),
            json!({ VERSION: "2026-07-28" }),
            json!({ CAPABILITIES: {} }),
        ] {
            assert_eq!(
                admit(&mut era, "tools/list", &bare),
                Err(ErrorCode::INVALID_PARAMS)
            );
        }
        assert_eq!(admit(&mut era, "initialize", &json!({})), Ok(Era::Handshake));
        assert_eq!(admit(&mut era, "tools/list", &json!({})), Ok(Era::Handshake));
        assert_eq!(admit(&mut era, "tools/list", &full), Ok(Era::Stateless));
    }

    #[test]
    fn a_version_that_is_not_served_is_named() {
        let mut era = Era::Open;
        let unknown = json!({ VERSION: "2099-01-01", CAPABILITIES: {} });
        let answer = admit(&mut era, "tools/list", &unknown);
        assert_eq!(answer, Err(ErrorCode::UNSUPPORTED_PROTOCOL_VERSION));
        assert_eq!(era, Era::Open);
    }
}
