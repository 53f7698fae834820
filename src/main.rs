//! The program: the Lambda function's bootstrap where Lambda runs it, else the command line.

use std::process::ExitCode;

fn main() -> ExitCode {
    #[cfg(feature = "lambda")]
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_some() {
        return arqsite::lambda::run();
    }
    arqsite::cli::run()
}
