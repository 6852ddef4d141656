//! The services by name, each with what its handlers need.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use api_auth::{Context, RequestContext};
use http::Response;
use wire_protocols::{Body, Call, ServiceTable};
use wire_schema::ServiceSchema;

type Answer<'a> = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'a>>;

/// One service, whatever its handlers depend on.
pub trait Service: Send + Sync {
    fn schema(&self) -> &'static ServiceSchema;
    fn call<'a>(&'a self, request: RequestContext, call: Call<'a>) -> Answer<'a>;
}

struct Bound<S> {
    table: ServiceTable<Context<S>>,
    dependencies: Arc<S>,
}

impl<S: Send + Sync + 'static> Service for Bound<S> {
    fn schema(&self) -> &'static ServiceSchema {
        self.table.service()
    }

    fn call<'a>(&'a self, request: RequestContext, call: Call<'a>) -> Answer<'a> {
        let context = Context::new(request, Arc::clone(&self.dependencies));
        Box::pin(self.table.call(context, call))
    }
}

#[derive(Default)]
pub struct Services {
    by_name: HashMap<&'static str, Box<dyn Service>>,
}

impl Services {
    pub fn with<S: Send + Sync + 'static>(
        mut self,
        table: ServiceTable<Context<S>>,
        dependencies: S,
    ) -> Self {
        let name = table.service().name;
        let bound = Bound { table, dependencies: Arc::new(dependencies) };
        self.by_name.insert(name, Box::new(bound));
        self
    }

    pub fn find(&self, service: &ServiceSchema) -> Option<&dyn Service> {
        self.by_name.get(service.name).map(Box::as_ref)
    }

    pub fn schemas(&self) -> Vec<&'static ServiceSchema> {
        self.by_name.values().map(|service| service.schema()).collect()
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.by_name.keys()).finish()
    }
}
