//! What stands beside a block in its file, and does not go with it.

use quote::format_ident;
use syn::{Item, ItemImpl};

use crate::errors::Errors;
use crate::options::Options;
use crate::types::{self, unwrapped};
use crate::{neighbours, siblings};

/// Whether a block goes with the other blocks of its driver, and its proxy with the other types, as far as the file tells.
/// A part without a name for its proxy gets the one that is waiting for it.
pub(crate) fn fits(item: &ItemImpl, options: &mut Options, errors: &mut Errors) -> bool {
    if let (Some(_), Some(first)) = (&options.part, options.parts.first()) {
        errors.on(
            first,
            "a part cannot have parts of its own; list them all at the block that makes the device",
        );
    }
    let name = types::last_name(&item.self_ty);
    match (&options.part, &options.proxy) {
        (None, _) if siblings::has_earlier(item) => {
            errors.on(&item.self_ty, SECOND_BLOCK);
            return false;
        }
        (Some(part), None) => {
            let own = siblings::unclaimed(item)
                .or_else(|| name.map(|name| format_ident!("{name}PartProxy")));
            if let Some(own) = &own {
                let text = format!(
                    "a part needs a proxy of its own: write `part, proxy = {own}`, and list `{own}` in the `parts(..)` of the block that makes the device"
                );
                errors.on(part, text);
            }
            options.proxy = own;
        }
        (Some(part), Some(proxy)) if siblings::is_unlisted(item, proxy) => {
            let text = format!(
                "nobody lists this part, so its methods would not be served: write `#[remote(parts({proxy}))]` on the block that makes the device"
            );
            errors.on(part, text);
        }
        _ => {}
    }
    let proxy = options.proxy.clone();
    let Some(proxy) = proxy.or_else(|| name.map(|name| format_ident!("{name}Proxy"))) else {
        return true;
    };
    let is_taken = neighbours::is_taken(&proxy, &Item::Impl(item.clone()));
    if is_taken {
        errors.on(&unwrapped(&item.self_ty), neighbours::taken(&proxy));
    }
    !is_taken
}

const SECOND_BLOCK: &str = "another `#[remote]` block makes this driver a device already: write \
    `#[remote(part, proxy = OtherProxy)]` here and `#[remote(parts(OtherProxy))]` there, or put the methods there";
