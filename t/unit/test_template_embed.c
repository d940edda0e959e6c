/*
 * Copyright (C) the ngx_http_apievents_module authors
 *
 * util/embed: any bytes come out as they went in.  The test runs in the root
 * of the tree, and compiles what was generated.
 */


#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>


static char  folder[] = "/tmp/ae-embed-XXXXXX";


static const char  program[] =
    "#include <stdio.h>\n"
    "#include <string.h>\n"
    "#include \"core/text/text.h\"\n"
    "int main(int argc, char **argv) {\n"
    "  int i; ae_str_t name; const ae_str_t *text; const ae_file_t *f;\n"
    "  for (f = ae_embedded; f->name.data != NULL; f++) {\n"
    "    fprintf(stderr, \"%.*s\\n\", (int) f->name.len, f->name.data);\n"
    "  }\n"
    "  for (i = 1; i < argc; i++) {\n"
    "    name.data = (unsigned char *) argv[i];\n"
    "    name.len = strlen(argv[i]);\n"
    "    text = ae_embedded_find(name);\n"
    "    if (text == NULL) { return 3; }\n"
    "    fwrite(text->data, 1, text->len, stdout);\n"
    "  }\n"
    "  return 0;\n"
    "}\n";


static void
put(const char *name, const void *data, size_t len)
{
    char   path[64];
    FILE  *f;

    (void) snprintf(path, sizeof(path), "%s/%s", folder, name);

    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}


/* runs it with the folder as $D and the tree's root as $R */

static int
run(const char *command)
{
    char  text[1024], root[256];

    assert_non_null(getcwd(root, sizeof(root)));
    (void) snprintf(text, sizeof(text), "D=%s; R='%s'; cd $D || exit 9; %s",
                    folder, root, command);

    return system(text);
}


static int
setup(void **state)
{
    size_t         i;
    unsigned char  all[3 * 256];

    (void) state;

    assert_non_null(mkdtemp(folder));

    for (i = 0; i < sizeof(all); i++) {
        all[i] = (unsigned char) i;
    }

    put("all", all, sizeof(all));
    put("zeros", memset(all, 0, 512), 512);
    put("empty", all, 0);
    put("text.json", "{\"a\": \"\?\?/\"}", 12);
    put("main.c", program, sizeof(program) - 1);

    return 0;
}


static int
teardown(void **state)
{
    (void) state;

    return run("cd / && rm -rf $D");
}


static void
test_bytes(void **state)
{
    (void) state;

    assert_int_equal(run("$R/util/embed e.c all zeros empty text.json"), 0);
    assert_int_equal(run("${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra "
                         "-Werror -I$R/src e.c main.c -o e"), 0);
    assert_int_equal(run("./e all zeros empty text.json >out 2>names && "
                         "cat all zeros empty text.json | cmp - out && "
                         "printf 'all\\nzeros\\nempty\\ntext.json\\n' "
                         "| cmp - names"), 0);
    assert_int_not_equal(run("./e al 2>/dev/null"), 0);
}


static void
test_refused(void **state)
{
    (void) state;

    assert_int_not_equal(run("$R/util/embed n.c none 2>/dev/null"), 0);
    assert_int_not_equal(run("$R/util/embed n.c 'a b' 2>/dev/null"), 0);
    assert_int_not_equal(run("$R/util/embed 2>/dev/null"), 0);
    assert_int_equal(run("[ -z \"$(ls | grep '^n\\.c')\" ]"), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_refused)
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
