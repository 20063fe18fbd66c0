#include "CDebugInfo.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifndef DW_LANG_Swift
#define DW_LANG_Swift 0x1e
#endif

static bool is_fortran(int language) {
    switch (language) {
    case DW_LANG_Fortran77: case DW_LANG_Fortran90: case DW_LANG_Fortran95: case DW_LANG_Fortran03: case DW_LANG_Fortran08:
        return true;
    default: return false;
    }
}

/* The type that a die names, without typedefs and qualifiers; false for void. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *named, Dwarf_Die *plain) {
    Dwarf_Attribute attribute;
    if (!dwarf_attr_integrate(die, DW_AT_type, &attribute) || !dwarf_formref_die(&attribute, named)) return false;
    /* `const void` peels to no type. */
    return dwarf_peel_type(named, plain) == 0;
}

static sz_debug_kind kind_of(Dwarf_Die *type, int32_t *bytes) {
    Dwarf_Word size = 0, encoding = 0;
    Dwarf_Attribute attribute;
    dwarf_aggregate_size(type, &size);
    *bytes = (int32_t)size;
    switch (dwarf_tag(type)) {
    case DW_TAG_base_type:
        if (!dwarf_attr_integrate(type, DW_AT_encoding, &attribute) || dwarf_formudata(&attribute, &encoding))
            return SZ_DEBUG_UNKNOWN;
        return encoding == DW_ATE_float ? SZ_DEBUG_FLOAT
             : encoding == DW_ATE_complex_float || encoding == DW_ATE_imaginary_float ? SZ_DEBUG_STRUCT : SZ_DEBUG_INTEGER;
    case DW_TAG_enumeration_type: return SZ_DEBUG_INTEGER;
    case DW_TAG_pointer_type: case DW_TAG_reference_type: case DW_TAG_rvalue_reference_type: case DW_TAG_ptr_to_member_type:
        *bytes = sizeof(void *);
        return SZ_DEBUG_POINTER;
    case DW_TAG_structure_type: case DW_TAG_class_type: case DW_TAG_union_type: return SZ_DEBUG_STRUCT;
    default: return SZ_DEBUG_UNKNOWN;
    }
}

/* A name for messages: `const double *`. Longer ones are cut. */
static void append(char *name, size_t size, const char *text) {
    size_t length = strlen(name);
    snprintf(name + length, size - length, "%s", text);
}

static void write_name(Dwarf_Die *named, char *name, size_t size) {
    Dwarf_Die target, plain;
    const char *own = dwarf_diename(named);
    switch (dwarf_tag(named)) {
    case DW_TAG_pointer_type: case DW_TAG_reference_type:
        if (own) return append(name, size, own);
        Dwarf_Attribute attribute;
        if (dwarf_attr_integrate(named, DW_AT_type, &attribute) && dwarf_formref_die(&attribute, &target))
            write_name(&target, name, size);
        else
            append(name, size, "void");
        return append(name, size, " *");
    case DW_TAG_const_type: case DW_TAG_volatile_type: case DW_TAG_restrict_type: {
        bool is_known = type_of(named, &target, &plain) || dwarf_tag(named) == DW_TAG_restrict_type;
        if (dwarf_tag(named) == DW_TAG_const_type) append(name, size, "const ");
        return is_known ? write_name(&target, name, size) : append(name, size, "void");
    }
    case DW_TAG_array_type:
        if (type_of(named, &target, &plain)) write_name(&target, name, size);
        return append(name, size, "[]");
    default: append(name, size, own ? own : "a type without name");
    }
}

static void read_target(Dwarf_Die *pointer, sz_debug_type *type) {
    Dwarf_Die named, plain;
    type->target = SZ_DEBUG_VOID;
    if (type_of(pointer, &named, &plain)) type->target = kind_of(&plain, &type->target_bytes);
}

/* Whether a Fortran argument is in memory that a register points to (by reference), from where it is when the function begins:
 * 1 yes, 0 no, -1 unknown. */
static int is_by_reference(Dwarf_Die *parameter) {
    Dwarf_Attribute attribute;
    Dwarf_Op *code;
    size_t count;
    Dwarf_Addr base, begin, end;
    if (!dwarf_attr_integrate(parameter, DW_AT_location, &attribute)) return -1;
    if (dwarf_getlocations(&attribute, 0, &base, &begin, &end, &code, &count) <= 0 || count == 0) return -1;
    if (code[0].atom >= DW_OP_reg0 && code[0].atom <= DW_OP_reg31) return 0;
    if (code[0].atom >= DW_OP_breg0 && code[0].atom <= DW_OP_breg31) return 1;
    if (code[0].atom == DW_OP_fbreg) return count > 1 && code[1].atom == DW_OP_deref;
    return -1;
}

static sz_debug_type read_parameter(Dwarf_Die *parameter, int language) {
    sz_debug_type type = {SZ_DEBUG_UNKNOWN, 0, SZ_DEBUG_UNKNOWN, 0, ""};
    Dwarf_Die named, plain;
    bool is_known = type_of(parameter, &named, &plain);
    if (is_known) write_name(&named, type.name, sizeof type.name);
    if (!is_fortran(language)) {
        if (!is_known) return type;
        type.kind = kind_of(&plain, &type.bytes);
        if (type.kind == SZ_DEBUG_POINTER) read_target(&plain, &type);
        return type;
    }
    bool is_array = is_known && dwarf_tag(&plain) == DW_TAG_array_type;
    int by_reference = is_array ? 1 : is_by_reference(parameter);
    if (by_reference < 0) return type;
    if (!by_reference) {
        if (is_known) type.kind = kind_of(&plain, &type.bytes);
        if (type.kind == SZ_DEBUG_POINTER) read_target(&plain, &type);
        return type;
    }
    type.kind = SZ_DEBUG_POINTER;
    type.bytes = sizeof(void *);
    if (is_array)
        read_target(&plain, &type);
    else if (is_known) {
        type.target = kind_of(&plain, &type.target_bytes);
        append(type.name, sizeof type.name, ", by reference");
    } else
        append(type.name, sizeof type.name, "type(c_ptr)");
    return type;
}

static void read_function(Dwarf_Die *die, int language, sz_debug_function *function) {
    Dwarf_Die named, plain, child;
    const char *file = dwarf_decl_file(die);
    int line = 0;
    memset(function, 0, sizeof *function);
    const char *slash = file ? strrchr(file, '/') : NULL;
    append(function->file, sizeof function->file, slash ? slash + 1 : file ? file : "");
    if (dwarf_decl_line(die, &line) == 0) function->line = line;
    if (type_of(die, &named, &plain)) {
        function->result.kind = kind_of(&plain, &function->result.bytes);
        write_name(&named, function->result.name, sizeof function->result.name);
    } else {
        function->result.kind = SZ_DEBUG_VOID;
        append(function->result.name, sizeof function->result.name, "void");
    }
    if (dwarf_child(die, &child) != 0) return;
    do {
        if (dwarf_tag(&child) != DW_TAG_formal_parameter) continue;
        if (function->parameter_count < SZ_DEBUG_MOST_PARAMETERS)
            function->parameters[function->parameter_count] = read_parameter(&child, language);
        function->parameter_count++;
    } while (dwarf_siblingof(&child, &child) == 0);
}

static bool is_named(Dwarf_Die *die, const char *symbol) {
    Dwarf_Attribute attribute;
    if (dwarf_hasattr_integrate(die, DW_AT_declaration) || !dwarf_hasattr_integrate(die, DW_AT_external)) return false;
    const char *name = NULL;
    if (dwarf_attr_integrate(die, DW_AT_linkage_name, &attribute)) name = dwarf_formstring(&attribute);
    if (!name) name = dwarf_diename(die);
    return name && strcmp(name, symbol) == 0;
}

/* Functions of a unit, also inside namespaces (C++, Rust) and modules (Fortran). */
static bool find(Dwarf_Die *parent, int language, const char *symbol, sz_debug_function *function) {
    Dwarf_Die child;
    if (dwarf_child(parent, &child) != 0) return false;
    do {
        int tag = dwarf_tag(&child);
        if (tag == DW_TAG_subprogram && is_named(&child, symbol)) {
            read_function(&child, language, function);
            return true;
        }
        if ((tag == DW_TAG_namespace || tag == DW_TAG_module) && find(&child, language, symbol, function)) return true;
    } while (dwarf_siblingof(&child, &child) == 0);
    return false;
}

int32_t sz_debug_function_read(const char *path, const char *symbol, sz_debug_function *function) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return -1;
    Dwarf *debug = dwarf_begin(descriptor, DWARF_C_READ);
    int32_t found = 0;
    Dwarf_CU *unit = NULL;
    Dwarf_Die die;
    while (debug && !found && dwarf_get_units(debug, unit, &unit, NULL, NULL, &die, NULL) == 0) {
        int language = dwarf_srclang(&die);
        /* Swift describes its own types; its compiler compares with the header. */
        if (language != DW_LANG_Swift && dwarf_tag(&die) == DW_TAG_compile_unit) found = find(&die, language, symbol, function);
    }
    if (debug) dwarf_end(debug);
    close(descriptor);
    return found;
}
