//! The page for what is not found, for sites that have no `404.html` of their own.

const PAGE: &str = include_str!("not_found.html");

/// What the page says in one language.
struct Words {
    /// Primary language subtag.
    language: &'static str,
    title: &'static str,
    text: &'static str,
    home: &'static str,
}

/// The first is for all other languages.
const WORDS: [Words; 6] = [
    Words {
        language: "en",
        title: "Page not found",
        text: "There is nothing at this address.",
        home: "Go to the first page",
    },
    Words {
        language: "pt",
        title: "Página não encontrada",
        text: "Não há nada neste endereço.",
        home: "Ir para a página inicial",
    },
    Words {
        language: "es",
        title: "Página no encontrada",
        text: "No hay nada en esta dirección.",
        home: "Ir a la página principal",
    },
    Words {
        language: "fr",
        title: "Page introuvable",
        text: "Il n’y a rien à cette adresse.",
        home: "Aller à la page d’accueil",
    },
    Words {
        language: "de",
        title: "Seite nicht gefunden",
        text: "Unter dieser Adresse gibt es nichts.",
        home: "Zur Startseite",
    },
    Words {
        language: "it",
        title: "Pagina non trovata",
        text: "Non c’è nulla a questo indirizzo.",
        home: "Vai alla pagina iniziale",
    },
];

/// The page, in the site's language where it is known and in English where it is not.
///
/// `language` is a BCP 47 tag.
pub fn page(language: &str) -> String {
    let primary = language.split('-').next().unwrap_or_default();
    let words = WORDS.iter().find(|words| words.language.eq_ignore_ascii_case(primary));
    // The page must not claim a language that it is not in.
    let (language, words) = words.map_or(("en", &WORDS[0]), |words| (language, words));
    PAGE.replace("{{language}}", language)
        .replace("{{title}}", words.title)
        .replace("{{text}}", words.text)
        .replace("{{home}}", words.home)
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn the_page_speaks_the_language_it_claims() {
        assert!(page("pt-BR").contains("<html lang=\"pt-BR\">") && page("pt-BR").contains("não encontrada"));
        assert!(page("xx").contains("<html lang=\"en\">") && page("xx").contains("Page not found"));
        assert!(!page("de").contains("{{"));
    }
}
