//! The APIs that this process has answered with: that of the release that is live, and others
//! while edges change over.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use crate::api::{Bundle, Engine};
use crate::release::id::BundleId;

/// Most engines that are kept.
const KEPT: usize = 4;

/// Makes an engine for a bundle.
pub type Build = Box<dyn Fn(Bundle) -> Arc<Engine> + Send + Sync>;

/// Engines by the id of their bundle.
pub struct Apis {
    s3: aws_sdk_s3::Client,
    bucket: String,
    build: Build,
    packed: Option<BundleId>,
    engines: Mutex<BTreeMap<BundleId, Arc<Engine>>>,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum ApisError {
    /// The edge names no bundle, and none lies beside the program.
    #[error("no API bundle is named")]
    Unnamed,
    /// It could not be read.
    #[error("{key} cannot be read")]
    Read {
        /// Its key in the site bucket.
        key: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It is not what its name says.
    #[error("{0} is not what its name says")]
    Forged(String),
}

impl Apis {
    /// `packed` is the bundle that lies beside the program.
    pub fn new(s3: aws_sdk_s3::Client, bucket: String, build: Build, packed: Option<Vec<u8>>) -> Self {
        let packed = packed.map(Bytes::from).and_then(|bytes| Some((BundleId::of(&bytes), Bundle::parse(bytes).ok()?)));
        let id = packed.as_ref().map(|(id, _)| id.clone());
        let engines = packed.into_iter().map(|(id, bundle)| (id, build(bundle))).collect();
        Self { s3, bucket, build, packed: id, engines: Mutex::new(engines) }
    }

    /// The engine of the bundle that is named, or of the packed one when none is.
    pub async fn get(&self, named: Option<&str>) -> Result<Arc<Engine>, ApisError> {
        let id = match named.filter(|named| !named.is_empty()) {
            Some(named) => BundleId::parse(named).ok_or_else(|| ApisError::Forged(named.to_owned()))?,
            None => self.packed.clone().ok_or(ApisError::Unnamed)?,
        };
        if let Some(engine) = self.kept(&id) {
            return Ok(engine);
        }
        let engine = (self.build)(self.read(&id).await?);
        self.keep(id, engine.clone());
        Ok(engine)
    }

    fn kept(&self, id: &BundleId) -> Option<Arc<Engine>> {
        self.engines.lock().ok()?.get(id).cloned()
    }

    fn keep(&self, id: BundleId, engine: Arc<Engine>) {
        let Ok(mut engines) = self.engines.lock() else { return };
        if engines.len() >= KEPT {
            engines.retain(|id, _| Some(id) == self.packed.as_ref());
        }
        engines.insert(id, engine);
    }

    async fn read(&self, id: &BundleId) -> Result<Bundle, ApisError> {
        let key = id.key();
        let failed = |source| ApisError::Read { key: key.clone(), source };
        let output = self.s3.get_object().bucket(&self.bucket).key(&key).send().await.map_err(|e| failed(e.into()))?;
        let bytes = output.body.collect().await.map_err(|e| failed(e.into()))?.into_bytes();
        // SECURITY: the name is the hash, so that a bundle that was changed is not believed.
        if BundleId::of(&bytes) != *id {
            return Err(ApisError::Forged(key));
        }
        Bundle::parse(bytes).map_err(|e| failed(e.into()))
    }
}
