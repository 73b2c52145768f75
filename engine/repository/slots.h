// Slots: how they come into the journal, and how a slot's secret is wrapped anew.
// docs/format.md, "Slots", "Grants".
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/keys/recipient.h"
#include "engine/repository/open.h"
#include "engine/repository/repository.h"

namespace kist {

// What a slot is called and may do. `sources` are bound to it with the entry that lets it in:
// nobody else can use those names, though it has backed up nothing yet. Without that, any slot that
// writes could take the name of a machine to come by using it first.
struct SlotTerms {
  std::string name;
  Capabilities capabilities = owner_capabilities;
  std::vector<std::string> sources;
};

// Adds a slot; its id. Error{refused} when the credential opens one already. Its grant and epoch
// box hold what the capabilities ask for and no more. Error{refused} where a source belongs to
// another slot, Error{invalid} for sources of a slot that does not write.
SlotId add_slot(Repository& repository,
                const Credential& credential,
                const Argon2Cost& cost,
                const SlotTerms& terms);

inline SlotId add_slot(Repository& repository,
                       const Credential& credential,
                       const Argon2Cost& cost,
                       const std::string& name,
                       Capabilities capabilities = owner_capabilities) {
  return add_slot(repository, credential, cost,
                  SlotTerms{.name = name, .capabilities = capabilities, .sources = {}});
}

// The same for a key whose one copy is to be on paper: the journal says so.
SlotId add_recovery_sheet(Repository& repository,
                          const Credential& key_file,
                          const std::string& name,
                          Capabilities capabilities);
// The same for a key made elsewhere: it opens once its holder has accepted it.
SlotId add_recipient(Repository& repository,
                     const SlotPublicKeys& recipient,
                     const std::string& name,
                     Capabilities capabilities,
                     const std::vector<std::string>& sources = {});
// Throws what add_slot() and add_recipient() throw for these sources: for a command that asks a
// person for a secret, or makes a key file, before it adds the slot.
void require_bindable(const Repository& repository,
                      const std::vector<std::string>& sources,
                      Capabilities capabilities);
// Opens the slot that was made for this key file with add_recipient, in the repository that an
// owner has named by its fingerprint, and makes it open like any other from then on.
// Error{wrong_secret} where nobody has let it in, Error{refused} for another repository.
Repository accept_slot(std::shared_ptr<Store> store,
                       const Credential& key_file,
                       const OpenOptions& options,
                       Services services);
// Wraps this slot's secret under another credential; Error{refused} when that opens another slot.
void rewrap_slot(Repository& repository, const Credential& credential, const Argon2Cost& cost);

}  // namespace kist
