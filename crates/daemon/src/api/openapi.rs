//! The API as it describes itself: an OpenAPI document, made of the routes and of what each says of itself.

use guise_api::ApiError;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Content, InfoBuilder, OpenApi, PathItem, Ref, RefOr, Required, ResponseBuilder,
        path::{Operation, Parameter, ParameterBuilder, ParameterIn},
        schema::{ObjectBuilder, Type},
    },
};

const ABOUT: &str = "\
What the command line does, and every other client. On the unix socket `<state>/run/api.sock` the caller is known by its \
user id; over TLS by a token: `Authorization: Bearer …` (`guise token create`).

`{project}` is an id, or a title that only one project has. `{environment}` is percent-encoded, since branch names contain \
slashes. Whatever takes its time answers at once with an activity, whose log can be followed.

An error has a status of 400 to 599 and is an ApiError; its `code` is stable. Event streams are \
`text/event-stream`: `data` is JSON, and comments keep the connection alive.";

/// The document of all routes.
pub(super) fn document() -> OpenApi {
    let mut document = super::routes().into_openapi();
    document.info = InfoBuilder::new()
        .title("guise")
        .version("1")
        .description(Some(ABOUT))
        .build();
    for (path, item) in &mut document.paths.paths {
        let names = placeholders(path);
        for operation in operations(item) {
            complete(operation, &names);
        }
    }
    let mut schemas = vec![("ApiError".to_owned(), ApiError::schema())];
    ApiError::schemas(&mut schemas);
    let components = document.components.get_or_insert_default();
    components.schemas.extend(schemas);
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [
        &mut item.get,
        &mut item.post,
        &mut item.put,
        &mut item.patch,
        &mut item.delete,
    ]
    .into_iter()
    .flatten()
}

/// What is the same everywhere: parameters that are parts of the path, and the answer to a mistake.
fn complete(operation: &mut Operation, names: &[String]) {
    let parameters = operation.parameters.get_or_insert_default();
    let of_path = names.iter().map(|name| RefOr::T(of_path(name)));
    parameters.splice(0..0, of_path);
    let error = ResponseBuilder::new()
        .description("A mistake, of the caller or ours")
        .content(
            "application/json",
            Content::new(Some(RefOr::Ref(Ref::from_schema_name("ApiError")))),
        )
        .build();
    operation
        .responses
        .responses
        .insert("default".into(), RefOr::T(error));
    // One flat list: an operation's name begins with its group.
    operation.tags = None;
}

fn of_path(name: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .schema(Some(ObjectBuilder::new().schema_type(Type::String).build()))
        .build()
}

fn placeholders(path: &str) -> Vec<String> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// `GUISE_UPDATE_DOCS=1 cargo test -p guise-daemon openapi` writes it anew.
    #[test]
    fn the_document_that_is_checked_in_is_current() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
        let current = document().to_pretty_json().unwrap() + "\n";
        if std::env::var_os("GUISE_UPDATE_DOCS").is_some() {
            std::fs::write(&path, current).unwrap();
        } else {
            assert!(
                std::fs::read_to_string(&path).unwrap_or_default() == current,
                "docs/openapi.json is out of date: GUISE_UPDATE_DOCS=1 cargo test -p guise-daemon openapi"
            );
        }
    }

    #[test]
    fn operations_have_a_name_of_their_own_and_say_what_they_do() {
        let mut names = BTreeSet::new();
        for (path, item) in &mut document().paths.paths {
            for operation in operations(item) {
                let name = operation.operation_id.clone().unwrap_or_default();
                assert!(operation.summary.is_some(), "{path}: {name} has no summary");
                assert!(names.insert(name.clone()), "two operations are called {name}");
            }
        }
        assert!(names.len() > 70, "{names:?}");
    }

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document = serde_json::to_value(document()).unwrap();
        let known = document["components"]["schemas"].as_object().unwrap();
        let text = document.to_string();
        for reference in text.split("#/components/schemas/").skip(1) {
            let name = reference.split('"').next().unwrap();
            assert!(known.contains_key(name), "{name} is not described");
        }
    }
}
